/** What update-management-14 adds: conditions on the device, and more ways to set a parameter. */

import type { Item } from '@lapel/cbor';
import { Tagged } from '@lapel/cbor';
import { command as c, element, parameter as p } from './numbers.ts';
import {
  compatible,
  component,
  firmware,
  forge,
  imageOf,
  map,
  obtain,
  served,
  set,
  uri,
  utf8,
  wrapped,
  withElement,
} from './forge.ts';
import type { OwnVector } from './vector.ts';
import { accept, policy, reject } from './vector.ts';

const checked = (condition: number, ...parameters: readonly (readonly [Item, Item])[]) =>
  forge({ install: [...(parameters.length === 0 ? [] : set(...parameters)), condition, 15, ...obtain] });
const at = (device: Readonly<Record<string, unknown>>) => ({ ...served, device });
const versioned = (...match: readonly Item[]) => checked(c.version, [p.version, wrapped(match)]);
const waiting = (...events: readonly (readonly [Item, Item])[]) =>
  checked(c.wait, [p.wait, wrapped(map(...events))]);
const both = (...install: readonly Item[]) =>
  forge({
    components: [component(0), component(1)],
    shared: [c.index, true, ...compatible],
    install,
    validate: [c.index, 1, c.imageMatch, 15],
  });
const named = map(...imageOf(firmware), [p.uri, uri]);
const described = (...pairs: readonly (readonly [Item, Item])[]) =>
  forge({ install: [...set([p.metadata, wrapped(map(...pairs))]), ...obtain] });

export const managements: readonly OwnVector[] = [
  accept(
    'run',
    'U01-before',
    'a second before it expires',
    checked(c.useBefore, [p.useBefore, 1000]),
    at({ time: 999 }),
  ),
  reject(
    'run',
    'U02-at',
    'the second in which it expires',
    checked(c.useBefore, [p.useBefore, 1000]),
    at({ time: 1000 }),
  ),
  policy(
    'run',
    'U03-no-clock',
    'no clock that is trusted',
    checked(c.useBefore, [p.useBefore, 1000]),
    at({ time: null }),
  ),
  reject('run', 'U04-before-unset', 'no time to compare', checked(c.useBefore), at({ time: 1 })),
  accept(
    'run',
    'U05-before-64-bit',
    'a time in 64 bits',
    checked(c.useBefore, [p.useBefore, 2n ** 63n]),
    at({ time: 1 }),
  ),
  reject(
    'run',
    'U06-before-negative',
    'a time before 1970',
    checked(c.useBefore, [p.useBefore, -1]),
    at({ time: 1 }),
  ),
  accept(
    'run',
    'U07-not-match',
    'another image than the one that is there',
    checked(c.imageNotMatch, imageOf(utf8('x'))[0]!),
    at({ components: { '00': 'fw.bin' } }),
  ),
  reject(
    'run',
    'U08-not-match-same',
    'the image that is there',
    checked(c.imageNotMatch, imageOf(firmware)[0]!),
    at({ components: { '00': 'fw.bin' } }),
  ),
  reject('run', 'U09-not-match-unset', 'no digest to compare', checked(c.imageNotMatch), served),
  accept('run', 'U10-battery', 'just enough', checked(c.battery, [p.battery, 50]), at({ battery: 50 })),
  reject('run', 'U11-battery-low', 'one too few', checked(c.battery, [p.battery, 50]), at({ battery: 49 })),
  reject('run', 'U12-battery-unset', 'no charge to compare', checked(c.battery), served),
  accept(
    'run',
    'U13-authorized',
    'the application allows it',
    checked(c.authorized, [p.priority, -10]),
    at({ authorized: true }),
  ),
  reject(
    'run',
    'U14-authorized-not',
    'it does not',
    checked(c.authorized, [p.priority, 0]),
    at({ authorized: false }),
  ),
  policy('run', 'U15-authorized-open', 'it is not said', checked(c.authorized, [p.priority, 0]), served),
  reject(
    'run',
    'U16-authorized-unset',
    'no priority to tell it',
    checked(c.authorized),
    at({ authorized: true }),
  ),
  accept('run', 'U17-greater', 'greater than 1.2', versioned(1, [1, 2]), at({ version: [1, 3] })),
  reject(
    'run',
    'U18-greater-same',
    'not greater than itself',
    versioned(1, [1, 2]),
    at({ version: [1, 2, 9] }),
  ),
  accept('run', 'U19-greater-equal', 'greater or the same', versioned(2, [1, 2]), at({ version: [1, 2] })),
  accept('run', 'U20-equal-begins', 'every 1.x is 1', versioned(3, [1]), at({ version: [1, 7, 3] })),
  reject('run', 'U21-equal-other', '1.2 is not 1.3', versioned(3, [1, 3]), at({ version: [1, 2] })),
  accept('run', 'U22-lesser-equal', 'lesser or the same', versioned(4, [2]), at({ version: [1, 9] })),
  accept('run', 'U23-lesser', 'lesser than 2', versioned(5, [2]), at({ version: [1, 9] })),
  accept(
    'run',
    'U24-candidate-is-lesser',
    'a candidate comes before its release',
    versioned(5, [2, 0, 0, 0]),
    at({ version: [2, 0, 0, -1, 1] }),
  ),
  reject(
    'run',
    'U25-comparison-6',
    'a comparison that there is not',
    versioned(6, [1]),
    at({ version: [1] }),
  ),
  reject('run', 'U26-version-empty', 'a version of no numbers', versioned(1, []), at({ version: [1] })),
  reject('run', 'U27-version-unset', 'no version to compare', checked(c.version), at({ version: [1] })),
  reject('run', 'U28-version-unknown', 'a device that knows no version', versioned(1, [1]), served),
  accept('run', 'U29-wait', 'what comes', waiting([2, 1], [3, 1]), at({ waits: true })),
  reject(
    'run',
    'U30-wait-unsupported',
    'what the device cannot wait for',
    waiting([3, 1]),
    at({ waits: ['power'] }),
  ),
  reject('run', 'U31-wait-local', 'local time on a device without a time zone', waiting([6, 60]), served),
  accept('run', 'U32-wait-utc', 'time of day in UTC', waiting([8, 60]), served),
  reject('run', 'U33-wait-empty', 'no event', waiting(), at({ waits: true })),
  reject('run', 'U34-wait-unknown', 'event 10', waiting([10, 1]), at({ waits: true })),
  reject('run', 'U35-wait-unset', 'nothing to wait for', checked(c.wait), at({ waits: true })),
  accept(
    'run',
    'U36-multiple',
    'two components at once',
    both(c.overrideMultiple, map([0, named], [1, named]), c.index, true, c.fetch, 15, c.imageMatch, 15),
    served,
  ),
  reject(
    'setup',
    'U37-multiple-order',
    'components in another order',
    both(c.overrideMultiple, map(), c.index, 1, ...obtain),
    served,
  ),
  reject(
    'run',
    'U38-multiple-beyond',
    'a component beyond those that there are',
    both(c.overrideMultiple, map([2, named]), c.index, 1, ...obtain),
    served,
  ),
  accept(
    'run',
    'U39-copy',
    'parameters of another component',
    both(
      c.index,
      0,
      ...obtain,
      c.index,
      1,
      c.copyParams,
      map([0, [p.uri, p.digest, p.size]]),
      c.fetch,
      15,
      c.imageMatch,
      15,
    ),
    served,
  ),
  reject(
    'run',
    'U40-copy-unset',
    'a parameter that is not set there',
    both(c.index, 1, c.copyParams, map([0, [p.uri]]), ...obtain),
    served,
  ),
  reject(
    'run',
    'U41-copy-beyond',
    'from a component beyond those that there are',
    both(c.index, 1, c.copyParams, map([2, [p.uri]]), ...obtain),
    served,
  ),
  reject(
    'run',
    'U42-copy-unknown',
    'a parameter that nobody knows',
    both(c.index, 1, c.copyParams, map([0, [99]]), ...obtain),
    served,
  ),
  accept(
    'run',
    'U43-metadata',
    'a regular file with its times',
    described([1, 0o777], [5, 1], [6, new Tagged(1, 1000)]),
    served,
  ),
  reject('run', 'U44-metadata-type', 'a kind of file that there is not', described([5, 4]), served),
  reject('run', 'U45-metadata-unknown', 'metadata 9', described([9, 1]), served),
  accept('run', 'U46-set-version', 'the version of the set', withElement(6, wrapped([1, 2, -1, 3])), served),
  reject('parse', 'U47-set-version-bare', 'the version of the set without its bstr', withElement(6, [1, 2])),
  accept(
    'run',
    'U48-coswid',
    'a CoSWID, which is never looked into',
    withElement(element.coswid, utf8('coswid')),
    served,
  ),
  reject(
    'setup',
    'U49-coswid-severed-other',
    'another CoSWID than the digest’s',
    forge({
      elements: new Map([[element.coswid, [-16, new Uint8Array(32)]]]),
      envelope: [[element.coswid, utf8('coswid')]],
    }),
  ),
];
