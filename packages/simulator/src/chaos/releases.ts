/** The firmware of a fleet under chaos: some versions for each of two classes. */

import type { SigningKey } from '@lapel/cose';
import { digest as digestOf } from '@lapel/cose';
import { outlineEnvelope } from '@lapel/author';
import { publishedUri } from '@lapel/author';
import { makeRelease } from '../firmware.ts';
import type { SeededRandom } from '../random.ts';

export interface MadeRelease {
  readonly className: string;
  readonly sequenceNumber: number;
  readonly digest: Uint8Array;
  readonly envelope: Uint8Array;
  /** What its manifest fetches. */
  readonly payload: readonly [uri: string, image: Uint8Array];
}

export const classNames = ['lamp', 'meter'] as const;
/** More than an operator starts in half an hour of it. */
const versions = 60;
const imageBytes = 64;

export async function makeReleases(
  author: SigningKey,
  random: SeededRandom,
): Promise<readonly MadeRelease[]> {
  const releases: MadeRelease[] = [];
  for (const className of classNames) {
    for (let sequenceNumber = 2; sequenceNumber < 2 + versions; sequenceNumber++) {
      const image = random.bytes(imageBytes);
      const plan = {
        image,
        sequence: sequenceNumber,
        version: `1.${sequenceNumber}.0`,
        className,
        key: author,
      };
      const envelope = await makeRelease(plan);
      const digest = outlineEnvelope(envelope).digest.bytes;
      const payload = [publishedUri(digestOf('sha-256', image)), image] as const;
      releases.push({ className, sequenceNumber, digest, envelope, payload });
    }
  }
  return releases;
}
