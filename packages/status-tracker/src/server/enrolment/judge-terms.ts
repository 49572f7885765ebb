/**
 * What a device says at registration of how it can be reached and what it reads, held against what this house
 * speaks: what both have in common is told back, and where that is nothing, the device is refused.
 */
import { manifestVersion } from '@lapel/suit';
import { Problem } from '@lapel/transport';
import { isZone } from '../../policy/window.ts';
import type { Spoken, Terms, TransportName } from '../../protocol.ts';

/** What a server speaks. */
export interface House {
  readonly transports: readonly TransportName[];
  readonly manifestVersions: readonly number[];
}

export const thisHouse: House = { transports: ['http'], manifestVersions: [manifestVersion] };

/** @throws {Problem} `unprocessable`, with what the device would have to say instead. */
export function judgeTerms(terms: Terms, house: House): Spoken {
  const { transports, manifestVersions, reachability, reachableMs, everyMs, timeZone } = terms;
  if (timeZone !== undefined && !isZone(timeZone)) {
    throw refusal('a time zone by its IANA name', JSON.stringify(timeZone));
  }
  if (reachability === 'windows') {
    if (reachableMs === undefined || everyMs === undefined) {
      throw refusal('how long windows last and how often they come', 'windows without');
    }
    if (reachableMs === 0 || reachableMs > everyMs) {
      throw refusal('windows that are over before the next', `${reachableMs} ms every ${everyMs} ms`);
    }
  }
  return {
    transports: both('transport', transports, house.transports),
    manifestVersions: both('manifest version', manifestVersions, house.manifestVersions),
  };
}

/** In the order of the device: it says first what it would rather have. */
function both<T extends string | number>(what: string, stated: readonly T[], spoken: readonly T[]): T[] {
  const common = [...new Set(stated)].filter((each) => spoken.includes(each));
  if (common.length > 0) return common;
  throw refusal(`a ${what} of ${spoken.join(', ')}`, stated.join(', '));
}

const refusal = (expected: string, found: string) =>
  new Problem('unprocessable', `registration: expected ${expected}, found ${found}`);
