/**
 * Does the fleet run what it should? Judged from the devices' flash alone, by a reader that shares no code
 * with tracker or device.
 */

import { createHash } from 'node:crypto';
import type { Layout } from '@lapel/device';
import { readFlash } from './flash-reader.ts';

export interface FlashImage {
  readonly id: string;
  readonly className: string;
  readonly content: Uint8Array;
  readonly layout: Layout;
}

export interface RolloutCheck {
  readonly devices: number;
  /** Devices of the class that the release is for. */
  readonly addressed: number;
  /** Of these, those whose newest confirmed image is the new one. */
  readonly confirmed: number;
  readonly failed: number;
  /** Devices of other classes whose newest confirmed image is not the one that the factory put there. */
  readonly wrongClassChanged: number;
}

export function checkRollout(
  fleet: readonly FlashImage[],
  release: { readonly className: string; readonly image: Uint8Array; readonly factory: Uint8Array },
): RolloutCheck {
  const [wanted, original] = [sha256(release.image), sha256(release.factory)];
  const addressed = fleet.filter(({ className }) => className === release.className);
  const others = fleet.filter(({ className }) => className !== release.className);
  const confirmed = addressed.filter((device) => newestImage(device) === wanted).length;
  return {
    devices: fleet.length,
    addressed: addressed.length,
    confirmed,
    failed: addressed.length - confirmed,
    wrongClassChanged: others.filter((device) => newestImage(device) !== original).length,
  };
}

/** SHA-256 of the confirmed image with the highest sequence number, in hex. */
function newestImage({ content, layout }: FlashImage): string | undefined {
  const [newest] = readFlash(content, layout)
    .slots.filter(({ state }) => state === 'confirmed')
    .toSorted((a, b) => (b.sequenceNumber ?? 0) - (a.sequenceNumber ?? 0));
  return newest?.image;
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
