/**
 * An operator's word on which release of a class is the newest, held against what the tracker knows before it
 * is handed on. The tracker holds no key by which it could make one, or renew one.
 */
import { compareBytes, hex } from '@lapel/cbor';
import type { VerificationKey } from '@lapel/cose';
import { digest } from '@lapel/cose';
import { uuidText } from '@lapel/suit';
import { Problem } from '@lapel/transport';
import { shownTime } from '../policy/shown-time.ts';
import { NewestRelease, newestMsMax } from '../protocol.ts';
import { clockSkewMsMax, refused } from './campaign-terms.ts';
import type { Releases } from './campaign.ts';
import { openOperators } from './campaign.ts';
import type { Newest } from './newest-store.ts';

/** @throws {Problem} where it is not an operator's, not current, or not about a release that is out. */
export async function acceptNewest(
  signed: Uint8Array,
  {
    operators,
    releases,
    nowMs,
  }: {
    readonly operators: readonly VerificationKey[];
    readonly releases: Releases;
    readonly nowMs: number;
  },
): Promise<{ readonly newest: Newest; readonly signer: string }> {
  const { message, signer } = openOperators(NewestRelease, signed, operators, 'newest release');
  const { vendor, class: product, manifestDigest, sequenceNumber, created, expires } = message;
  if (expires <= nowMs || created > nowMs + clockSkewMsMax || expires - created > newestMsMax) {
    throw refused(`expected a word of today, for at most ${newestMsMax} ms, found another`);
  }
  const release = await releases(manifestDigest);
  if (release === undefined || !release.released) {
    throw refused(`expected a manifest that an operator has released, found ${hex(manifestDigest)}`);
  }
  if (compareBytes(release.vendor, vendor) !== 0 || compareBytes(release.class, product) !== 0) {
    throw refused(`expected the manifest's class ${uuidText(release.class)}, found ${uuidText(product)}`);
  }
  if (release.sequenceNumber !== sequenceNumber) {
    throw refused(`expected the manifest's number ${release.sequenceNumber}, found ${sequenceNumber}`);
  }
  const newest = { vendor, class: product, manifestDigest, sequenceNumber, signed };
  return {
    newest: { ...newest, createdMs: created, expiresMs: expires, digest: digest('sha-256', signed) },
    signer,
  };
}

export const isOvertaken = ({ createdMs }: Newest) =>
  new Problem('conflict', `expected a later word than the last, found one of ${shownTime(createdMs)}`);
