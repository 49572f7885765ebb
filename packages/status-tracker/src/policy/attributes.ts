/**
 * What a campaign's query may ask of a device: what it registered and what it last said of itself. The
 * tracker and the device itself ask the same.
 */
import { uuidText } from '@lapel/suit';
import type { Characteristics, CheckInState, Terms, UpdateMode } from '../protocol.ts';
import type { Attributes, Literal } from './query.ts';
import { isTag } from './query.ts';

export interface Asked {
  readonly id: string;
  readonly vendor: Uint8Array;
  readonly class: Uint8Array;
  readonly updateMode: UpdateMode;
  /** As it registered. */
  readonly statement?: { readonly terms?: Terms; readonly characteristics?: Characteristics };
  /** What operators call it by, where that is known: to the tracker, not to the device. */
  readonly tags?: Readonly<Record<string, string>>;
  /** As it last checked in. */
  readonly inventory?: Pick<CheckInState, 'components' | 'state' | 'imageBytesMax' | 'batteryMilliwattHours'>;
}

/** Of several components, the one with the highest sequence number tells version and sequence. */
export function attributesOf(device: Asked): Attributes {
  const { id, vendor, class: product, updateMode, inventory, statement = {}, tags } = device;
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
    ['battery', inventory?.batteryMilliwattHours],
    ['sequence', newest?.sequenceNumber],
    ['version', newest?.version],
    ...Object.entries(tags ?? {}).map(([name, value]) => [`tag.${name}`, value] as const),
  ];
  const all = new Map(
    known.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  );
  return tags === undefined ? withoutTags(all) : withTags(all);
}

/** A tag that a device does not have is no other one's value: no tag has an empty one. */
const withTags = (all: ReadonlyMap<string, Literal>): Attributes => ({
  get: (name) => all.get(name) ?? (isTag(name) ? '' : undefined),
  has: (name) => all.has(name),
});

const withoutTags = (all: ReadonlyMap<string, Literal>): Attributes => ({
  get: (name) => all.get(name),
  has: (name) => (isTag(name) ? undefined : all.has(name)),
});
