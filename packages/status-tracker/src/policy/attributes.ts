/**
 * What a campaign's query may ask of a device: what it registered and what it last said of itself. The
 * tracker and the device itself ask the same.
 */
import { uuidText } from '@lapel/suit';
import type { Characteristics, CheckInState, Terms, UpdateMode } from '../protocol.ts';
import type { Attributes, Literal } from './query.ts';

export interface Asked {
  readonly id: string;
  readonly vendor: Uint8Array;
  readonly class: Uint8Array;
  readonly updateMode: UpdateMode;
  /** As it registered. */
  readonly statement?: { readonly terms?: Terms; readonly characteristics?: Characteristics };
  /** As it last checked in. */
  readonly inventory?: Pick<CheckInState, 'components' | 'state' | 'imageBytesMax'>;
}

/** Of several components, the one with the highest sequence number tells version and sequence. */
export function attributesOf(device: Asked): Attributes {
  const { id, vendor, class: product, updateMode, inventory, statement = {} } = device;
  const newest = inventory?.components.toSorted((a, b) => b.sequenceNumber - a.sequenceNumber)[0];
  const known: readonly (readonly [string, Literal | undefined])[] = [
    ['id', id],
    ['vendor', uuidText(vendor)],
    ['class', uuidText(product)],
    ['mode', updateMode],
    ['state', inventory?.state],
    ['hardware', statement.characteristics?.hardware],
    ['memory', statement.characteristics?.freeMemoryBytes],
    ['zone', statement.terms?.timeZone],
    ['flash', inventory?.imageBytesMax],
    ['sequence', newest?.sequenceNumber],
    ['version', newest?.version],
  ];
  return new Map(known.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])));
}
