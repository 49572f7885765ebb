/**
 * draft-ietf-suit-manifest-37 §6.2, §8.3: bytes and trust anchors to an AuthenticManifest. The signature
 * comes first: until it stands, nothing is read but the envelope's frame and the authentication wrapper.
 */

import { CborError, UnknownKeyError, bstr, read, Reader } from '@lapel/cbor';
import { digest, encodeVerificationKey, equalInConstantTime, hmacSha256, joined } from '@lapel/cose';
import type { Envelope } from './envelope.ts';
import { readEnvelope } from './envelope.ts';
import { legacyNumbering } from './legacy.ts';
import type { Limits } from './limits.ts';
import type { KnownDigest } from './manifest.ts';
import { Digest, Manifest, knownDigest, manifestVersion } from './manifest.ts';
import type { Policy } from './policy.ts';
import { SuitError, parsing } from './reason.ts';
import type { TrustAnchor, Vouching } from './trust-anchor.ts';
import { distinctVoices, quorums } from './trust-anchor.ts';
import { whoVouches } from './vouching.ts';

declare const authentic: unique symbol;
/** A manifest that trust anchors vouched for. `authenticate` is its only source. */
export interface AuthenticManifest {
  readonly [authentic]: true;
  readonly manifest: Manifest;
  /** Over the manifest; what a report and an offer name it by. */
  readonly digest: KnownDigest;
  readonly envelope: Envelope;
  /** Who vouched for it: as many as the Recipient's policy requires. What it does, each of them permits. */
  readonly anchors: Vouching;
}

/**
 * @throws {SuitError} at stage `parse`, `auth`, or `setup` where its version or an element is of another
 * draft.
 */
export function authenticate(
  bytes: Uint8Array,
  anchors: readonly TrustAnchor[],
  limits: Limits,
  policy?: Policy,
): AuthenticManifest {
  const envelope = readEnvelope(bytes, limits, policy);
  return whole(envelope, whoVouches(envelope, anchors, policy?.required));
}

/** A Recipient's own word for what it has authenticated once: nobody else has the secret. */
export interface Voucher {
  readonly secret: Uint8Array;
  readonly code: Uint8Array;
  /** What else it is good for and nothing besides: where the image lies, how long it is, and so on. */
  readonly binding: Uint8Array;
}

/**
 * §4.2: a MAC that the Recipient makes for itself, in place of the signatures. It covers the manifest's
 * digest, its binding, and whose signatures they were: without those trust anchors it is worth nothing any
 * more.
 */
export function vouchFor(
  { digest: of, anchors }: Pick<AuthenticManifest, 'digest' | 'anchors'>,
  { secret, binding }: Omit<Voucher, 'code'>,
): Uint8Array | undefined {
  const keys: Uint8Array[] = [];
  for (const { key } of anchors) {
    if (key.use !== 'verify') return undefined;
    keys.push(digest('sha-256', encodeVerificationKey(key)));
  }
  return hmacSha256(secret, joined(of.bytes, ...keys, binding));
}

/**
 * As `authenticate`, on the Recipient's own word, with anchors that are enough today.
 * @throws {SuitError} stage `auth` where that fails.
 */
export function authenticateByVoucher(
  bytes: Uint8Array,
  { code, ...voucher }: Voucher,
  anchors: readonly TrustAnchor[],
  limits: Limits,
  policy?: Policy,
): AuthenticManifest {
  const envelope = readEnvelope(bytes, limits, policy);
  const of = knownDigest('auth', read(Digest, envelope.digest));
  for (const quorum of quorums(distinctVoices(anchors), policy?.required)) {
    const own = vouchFor({ digest: of, anchors: quorum }, voucher);
    if (own !== undefined && equalInConstantTime(own, code)) return whole(envelope, quorum);
  }
  throw new SuitError('auth', 'unauthorised', 'expected a voucher of this device, found another');
}

/** §8.3: what was vouched for is a digest; the manifest must have it. */
function whole(envelope: Envelope, anchors: Vouching): AuthenticManifest {
  const manifestDigest = knownDigest('auth', read(Digest, envelope.digest));
  const found = digest(manifestDigest.algorithm, envelope.manifest);
  if (!equalInConstantTime(found, manifestDigest.bytes)) {
    throw new SuitError(
      'auth',
      'unauthorised',
      'expected the manifest that the digest covers, found another',
    );
  }
  const manifest = readManifest(read(bstr, envelope.manifest));
  return { manifest, digest: manifestDigest, envelope, anchors } as AuthenticManifest;
}

/**
 * Reads a manifest's elements. Proves nothing: for authors who look at their own work, and for
 * `authenticate`.
 * @throws {SuitError} stage `parse`, or `setup` where it is a manifest of another version or draft.
 */
export function readManifest(content: Uint8Array): Manifest {
  requireVersion(content);
  try {
    return read(Manifest, content);
  } catch (error) {
    if (!(error instanceof CborError)) throw error;
    if (!(error instanceof UnknownKeyError)) {
      throw new SuitError('parse', 'cbor-parse', `manifest: ${error.message}`, { cause: error });
    }
    const met = parsing('parse', 'manifest', () => legacyNumbering(content));
    const message = met === undefined ? `manifest: ${error.message}` : `expected manifest-37, found ${met}`;
    throw new SuitError('setup', 'command-unsupported', message, { cause: error });
  }
}

/** §6.1: the version of the encoding is looked at before anything that it could change the meaning of. */
function requireVersion(content: Uint8Array): void {
  const version = parsing('parse', 'manifest', () => {
    const reader = new Reader(content);
    if (reader.map() === 0 || reader.int() !== 1)
      throw new CborError('expected manifest-version first, found another', 0);
    return reader.uint();
  });
  if (version !== manifestVersion) {
    const found = `expected manifest-version ${manifestVersion}, found ${version}`;
    throw new SuitError('setup', 'parameter-unsupported', found);
  }
}
