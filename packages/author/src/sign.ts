/**
 * The author's seal (draft-ietf-suit-manifest-37 §8.3): one more authentication block over the
 * manifest's digest.
 */

import { bstr, read } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { CoseError, digest, equalInConstantTime, signDetached, verifySign, verifySign1 } from '@lapel/cose';
import type { Envelope, Limits } from '@lapel/suit';
import {
  Digest,
  SuitError,
  isSevered,
  knownDigest,
  readEnvelope,
  readManifest,
  server,
  severableNames,
  writeEnvelope,
} from '@lapel/suit';

/** §8.3 wants each block of another algorithm or another signer. */
export class AlreadySigned extends Error {
  override readonly name = 'AlreadySigned';
}

/**
 * Adds the block of `key`; digest and manifest stay as they are, to the byte.
 * @throws {SuitError} where the envelope is not what its digests say.
 * @throws {AlreadySigned}
 */
export function signEnvelope(bytes: Uint8Array, key: SigningKey, limits: Limits = server): Uint8Array {
  const envelope = readEnvelope(bytes, limits);
  requireDigests(envelope);
  if (envelope.blocks.some((block) => isBlockOf(block, envelope.digest, key))) {
    throw new AlreadySigned('expected an envelope that this key has not signed yet, found its signature');
  }
  return writeEnvelope({ ...envelope, blocks: [...envelope.blocks, signDetached(key, envelope.digest)] });
}

/**
 * §8.3: whoever signs checks the digest again, so that nothing slips in between the making and the
 * signing; and what is severed with it, since that is what people are shown before they sign.
 * @throws {SuitError}
 */
export function requireDigests(envelope: Envelope): void {
  requireDigest('manifest', envelope.manifest, read(Digest, envelope.digest));
  const manifest = readManifest(read(bstr, envelope.manifest));
  for (const name of severableNames) {
    const outside = envelope.severed[name];
    const inside = manifest[name];
    if (outside === undefined) continue;
    if (inside === undefined || !isSevered(inside)) {
      throw new SuitError(
        'setup',
        'severing-unsupported',
        `expected no ${name} outside the manifest, found one`,
      );
    }
    requireDigest(name, outside, inside);
  }
}

function requireDigest(what: string, wrapped: Uint8Array, expected: Digest): void {
  const { algorithm, bytes } = knownDigest('auth', expected);
  if (equalInConstantTime(digest(algorithm, wrapped), bytes)) return;
  throw new SuitError('auth', 'unauthorised', `expected the ${what} that the digest covers, found another`);
}

function isBlockOf(block: Uint8Array, payload: Uint8Array, { public: key }: SigningKey): boolean {
  return [verifySign1, verifySign].some((verify) => {
    try {
      return verify(block, payload, [key]) === key;
    } catch (error) {
      if (error instanceof CoseError) return false;
      throw error;
    }
  });
}
