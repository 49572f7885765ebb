/** What a campaign's query may ask of a device: what it registered and what it last said of itself. */
import { compareBytes } from '@lapel/cbor';
import { uuidText } from '@lapel/suit';
import { readQuery } from '../policy/query-text.ts';
import type { Attributes, Literal, Query } from '../policy/query.ts';
import { answer } from '../policy/query.ts';
import type { Campaign } from '../protocol.ts';
import type { DeviceView } from './fleet.ts';

export type Asked = Pick<
  DeviceView,
  'id' | 'vendor' | 'class' | 'approval' | 'updateMode' | 'inventory' | 'statement'
>;

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

/** `unknown`: the device has not told enough to say. */
export type Belonging = 'meant' | 'not-meant' | 'unknown';

/** Whether a campaign is for a device, by the attributes that it has now. */
export function belonging(campaign: Campaign, device: Asked): Belonging {
  const { vendor, class: product, predicate } = campaign;
  if (device.approval !== 'approved') return 'not-meant';
  if (compareBytes(vendor, device.vendor) !== 0 || compareBytes(product, device.class) !== 0) {
    return 'not-meant';
  }
  if (predicate === undefined) return 'meant';
  const found = answer(parsed(predicate), attributesOf(device));
  return found === undefined ? 'unknown' : found ? 'meant' : 'not-meant';
}

const queries = new Map<string, Query>();
/** Of the campaigns that are open at one time there are few; whatever is beyond is read again. */
const queriesMax = 256;

function parsed(predicate: string): Query {
  const known = queries.get(predicate);
  if (known !== undefined) return known;
  const query = readQuery(predicate);
  if (queries.size >= queriesMax) queries.clear();
  queries.set(predicate, query);
  return query;
}
