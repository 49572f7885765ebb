/**
 * The author's seal (draft-ietf-suit-manifest-37 §8.3): one more authentication block over the
 * manifest's digest.
 */

import { bstr, read } from '@lapel/cbor';
import type { MacKey, SigningKey } from '@lapel/cose';
import {
  CoseError,
  digest,
  equalInConstantTime,
  macDetached,
  signDetached,
  verifyMac0,
  verifySign,
  verifySign1,
} from '@lapel/cose';
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
  requireUnsigned(envelope, key, limits);
  return withBlock(envelope, signDetached(key, envelope.digest));
}

/**
 * As `signEnvelope`, with a secret that is shared with one Recipient (suit-mti, the symmetric profile).
 * @throws {SuitError}, {AlreadySigned}
 */
export function macEnvelope(bytes: Uint8Array, key: MacKey, limits: Limits = server): Uint8Array {
  const envelope = readEnvelope(bytes, limits);
  requireDigests(envelope);
  requireUnsigned(envelope, key, limits);
  return withBlock(envelope, macDetached(key, envelope.digest));
}

/**
 * Asked before anything is signed: a signature may use up a leaf, or a person's patience.
 * @throws {AlreadySigned} where one of the blocks is this key's.
 * @throws {SuitError} where nobody would read one block more.
 */
export function requireUnsigned(envelope: Envelope, key: SigningKey | MacKey, limits: Limits = server): void {
  const { blocks, digest: payload } = envelope;
  readEnvelope(withBlock(envelope, new Uint8Array()), limits);
  if (!blocks.some((block) => isBlockOf(block, payload, key))) return;
  const [seen, found] = key.use === 'mac' ? ['authenticated', 'MAC'] : ['signed', 'signature'];
  throw new AlreadySigned(`expected an envelope that this key has not ${seen} yet, found its ${found}`);
}

const withBlock = (envelope: Envelope, block: Uint8Array): Uint8Array =>
  writeEnvelope({ ...envelope, blocks: [...envelope.blocks, block] });

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

function isBlockOf(block: Uint8Array, payload: Uint8Array, key: SigningKey | MacKey): boolean {
  if (key.use === 'mac') return isVerified(() => verifyMac0(block, payload, [key]));
  const { public: other } = key;
  return [verifySign1, verifySign].some((verify) => isVerified(() => verify(block, payload, [other])));
}

function isVerified(verify: () => unknown): boolean {
  try {
    verify();
    return true;
  } catch (error) {
    if (error instanceof CoseError) return false;
    throw error;
  }
}
