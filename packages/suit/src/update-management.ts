/**
 * draft-ietf-suit-update-management-14: its metadata, parameters and arguments. What its commands do is in
 * processor/manage.ts.
 */

import type { Infer, Schema } from '@lapel/cbor';
import { CborError, array, bstr, int, map, named, optional, raw, tuple, uint } from '@lapel/cbor';
import { byIndex } from './by-index.ts';

const versionPartsMax = 16;
const matchesMax = 8;

/** §3.1, §4.4: release numbers, then for a pre-release -1 (rc), -2 (beta) or -3 (alpha) and numbers. */
export const Version = array(int, { min: 1, max: versionPartsMax });
export type Version = Infer<typeof Version>;

export const comparisons = {
  greater: 1,
  'greater-or-equal': 2,
  equal: 3,
  'lesser-or-equal': 4,
  lesser: 5,
} as const;

export const VersionMatch = tuple(named('comparison', comparisons), Version);
export type VersionMatch = Infer<typeof VersionMatch>;

/**
 * §4.4: numbers are compared one by one until two differ or the manifest has no more, so that `equal [1]`
 * is every 1.x. Where the device's version ends first, its next number is taken as 0: 2.1 is 2.1.0.
 */
export function isVersionMatch([comparison, wanted]: VersionMatch, found: Version): boolean {
  const order = compareVersions(found, wanted);
  switch (comparison) {
    case 'greater':
      return order > 0;
    case 'greater-or-equal':
      return order >= 0;
    case 'equal':
      return order === 0;
    case 'lesser-or-equal':
      return order <= 0;
    case 'lesser':
      return order < 0;
  }
}

/** Negative, 0 or positive, as far as `wanted` goes. */
function compareVersions(found: Version, wanted: Version): number {
  for (const [index, number] of wanted.entries()) {
    const own = found[index] ?? 0;
    if (own !== number) return own < number ? -1 : 1;
  }
  return 0;
}

const releaseNames: Readonly<Record<string, string>> = { '-1': 'rc', '-2': 'beta', '-3': 'alpha' };

/** `[1, 2, -1, 3]` as people write it: `1.2-rc.3`. */
export const versionText = (version: Version): string =>
  version
    .map((number, index) => {
      const release = number < 0 ? `-${releaseNames[number] ?? number}` : String(number);
      return number < 0 || index === 0 ? release : `.${release}`;
    })
    .join('');

/** §4.1: seconds since 1970, in all 64 bits that CBOR can write. */
export const Seconds: Schema<number | bigint> = {
  read(r) {
    const start = r.at;
    const value = r.integer();
    if (value < 0) throw new CborError('expected a time since 1970, found one before', start);
    return value;
  },
  write: (w, value) => w.int(value),
};

/** §4.5: every event of the map must have come. */
const AnyEvents = map({
  authorization: optional(1, int),
  power: optional(2, int),
  network: optional(3, int),
  otherDeviceVersion: optional(4, tuple(bstr, array(VersionMatch, { min: 1, max: matchesMax }))),
  time: optional(5, Seconds),
  timeOfDay: optional(6, uint),
  dayOfWeek: optional(7, uint),
  timeOfDayUtc: optional(8, uint),
  dayOfWeekUtc: optional(9, uint),
});
export type WaitEvents = Infer<typeof AnyEvents>;
export const WaitEvents: Schema<WaitEvents> = {
  read(r) {
    const start = r.at;
    const events = AnyEvents.read(r);
    if (Object.keys(events).length > 0) return events;
    throw new CborError('expected one or more events to wait for, found none', start);
  },
  write: (w, events) => AnyEvents.write(w, events),
};

const indicesMax = 1024;
const parametersMax = 64;

/** §5.7: for each component an encoded Parameters map, read when it is set. */
export const OverrideMultiple = byIndex(raw, indicesMax);

/** §5.8: for each component that is a source, the numbers of the parameters to take. */
export const CopyParameters = byIndex(array(int, { min: 1, max: parametersMax }), indicesMax);
