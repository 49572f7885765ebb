/** Every condition of manifest-37: with what it compares, without it, and where it does not hold. */

import type { Item } from '@lapel/cbor';
import { joined } from '@lapel/cose';
import {
  classId,
  compatible,
  deviceId,
  firmware,
  imageOf,
  map,
  obtain,
  served,
  set,
  uri,
  utf8,
  vendorId,
  wrapped,
} from './forge.ts';
import { asking, attempts, fail, fetching, holding, installing } from './installing.ts';
import { command as c, parameter as p } from './numbers.ts';
import type { OwnVector } from './vector.ts';
import { accept, reject } from './vector.ts';

const identifiers = (vendor: Uint8Array, kind: Uint8Array): readonly Item[] => [
  ...set([p.vendor, vendor], [p.class, kind]),
  ...[c.vendor, 15, c.class, 15],
];
const other = utf8('another identity');
/** §8.4.9: a condition without its parameter fails. */
export const conditions: readonly OwnVector[] = [
  reject('run', 'C01-vendor-other', 'another vendor', asking(identifiers(other, classId)), served),
  reject('run', 'C02-class-other', 'another class', asking(identifiers(vendorId, other)), served),
  reject('run', 'C03-vendor-unset', 'no vendor to compare', asking([c.vendor, 15, ...compatible]), served),
  reject(
    'run',
    'C04-pen-other',
    'a vendor by an enterprise number',
    asking([c.override, map([p.class, classId]), ...pen(), c.vendor, 15, c.class, 15]),
  ),
  reject(
    'run',
    'C05-vendor-short',
    'a vendor of 15 bytes',
    asking(identifiers(vendorId.subarray(1), classId)),
  ),
  accept(
    'run',
    'C06-device',
    'the device itself',
    installing(...set([p.device, deviceId]), c.device, 15, ...obtain),
    served,
  ),
  reject(
    'run',
    'C07-device-other',
    'another device',
    installing(...set([p.device, other]), c.device, 15, ...obtain),
    served,
  ),
  reject('run', 'C08-device-unset', 'no device to compare', installing(c.device, 15, ...obtain), served),
  reject('run', 'C09-match-unset', 'no digest to compare', installing(c.imageMatch, 15), holding),
  reject('run', 'C10-match-other', 'another image is served', installing(...obtain), {
    payloads: { [uri]: 'old-fw.bin' },
  }),
  reject(
    'run',
    'C11-match-size',
    'a size that is not the image’s',
    installing(...set(...imageOf(firmware), [p.size, 1]), ...fetching, c.imageMatch, 15),
    served,
  ),
  reject(
    'run',
    'C12-match-empty',
    'a component that holds nothing',
    installing(...set(...imageOf(firmware)), c.imageMatch, 15),
  ),
  reject(
    'run',
    'C13-match-sha1',
    'an image digest by SHA-1',
    installing(...set([p.digest, wrapped([-14, new Uint8Array(20)])]), ...fetching, c.imageMatch, 15),
    served,
  ),
  reject(
    'run',
    'C14-match-digest-bare',
    'an image digest that is no byte string',
    installing(...set([p.digest, [-16, new Uint8Array(32)]]), ...fetching, c.imageMatch, 15),
    served,
  ),
  accept(
    'run',
    'C15-slot',
    'the slot that an image goes to',
    installing(...set([p.slot, 1]), c.slot, 15, ...obtain),
    { ...served, device: { slot: 1 } },
  ),
  reject('run', 'C16-slot-other', 'another slot', installing(...set([p.slot, 0]), c.slot, 15, ...obtain), {
    ...served,
    device: { slot: 1 },
  }),
  reject('run', 'C17-slot-unset', 'no slot to compare', installing(c.slot, 15, ...obtain), served),
  accept(
    'run',
    'C18-content',
    'what the component holds',
    installing(...set([p.content, firmware]), c.checkContent, 15),
    holding,
  ),
  reject(
    'run',
    'C19-content-shorter',
    'the beginning of what it holds',
    installing(...set([p.content, firmware.subarray(0, 4)]), c.checkContent, 15),
    holding,
  ),
  reject(
    'run',
    'C20-content-longer',
    'what it holds and one byte more',
    installing(...set([p.content, joined(firmware, utf8('.'))]), c.checkContent, 15),
    holding,
  ),
  reject('run', 'C21-content-unset', 'no content to compare', installing(c.checkContent, 15), holding),
  reject('run', 'C22-abort', 'a condition that never holds', installing(...obtain, ...fail), served),
  reject('run', 'C23-unknown', 'command 99', installing(99, 15)),
  reject('run', 'C24-unassigned', 'command 13, which was set-dependency-index', installing(13, 0)),
  reject('run', 'C25-reserved', 'command -256, which is nobody’s', installing(-256, 0)),
  reject('run', 'C26-custom', 'command -257, which is private to somebody', installing(-257, 0)),
  reject(
    'run',
    'C27-unknown-later',
    'an unknown command behind what succeeds',
    installing(...obtain, 99, 15),
    served,
  ),
  accept(
    'run',
    'C28-unknown-not-reached',
    'an unknown command that is not reached',
    installing(...attempts(obtain, [99, 15])),
    served,
  ),
];

/** A vendor as its private enterprise number: 1.3.6.1.4.1 and so on, relative to the root. */
function pen(): readonly Item[] {
  return set([p.vendor, new Uint8Array(16)]);
}
