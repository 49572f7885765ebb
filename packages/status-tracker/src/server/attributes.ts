/** Whom a campaign is for, by what the tracker knows of a device. */
import { compareBytes } from '@lapel/cbor';
import type { Asked } from '../policy/attributes.ts';
import { attributesOf } from '../policy/attributes.ts';
import { Problem } from '@lapel/transport';
import { QueryError, readQuery } from '../policy/query-text.ts';
import type { Query } from '../policy/query.ts';
import { answer, matches } from '../policy/query.ts';
import type { Campaign } from '../protocol.ts';
import type { DeviceView } from './fleet.ts';

/** `unknown`: the device has not told enough to say. */
export type Belonging = 'meant' | 'not-meant' | 'unknown';

/** Whether a campaign is for a device, by the attributes that it has now. */
export function belonging(campaign: Campaign, device: Asked & Pick<DeviceView, 'approval'>): Belonging {
  const { vendor, class: product, predicate } = campaign;
  if (device.approval !== 'approved') return 'not-meant';
  if (compareBytes(vendor, device.vendor) !== 0 || compareBytes(product, device.class) !== 0) {
    return 'not-meant';
  }
  if (predicate === undefined) return 'meant';
  const found = answer(parsed(predicate), attributesOf({ tags: {}, ...device }));
  return found === undefined ? 'unknown' : found ? 'meant' : 'not-meant';
}

/** Whether a device is known to be meant by a query. @throws {Problem} where the text is none. */
export function matching(text: string): (device: Asked) => boolean {
  try {
    const query = readQuery(text);
    return (device) => matches(query, attributesOf({ tags: {}, ...device }));
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    throw new Problem('bad-request', `where: ${error.message}`, { cause: error });
  }
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
