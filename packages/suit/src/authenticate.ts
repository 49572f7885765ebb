/**
 * draft-ietf-suit-manifest-37 §6.2, §8.3: bytes and trust anchors to an AuthenticManifest. The signature
 * comes first: until it stands, nothing is read but the envelope's frame and the authentication wrapper.
 */

import { CborError, UnknownKeyError, bstr, read, Reader } from '@lapel/cbor';
import type { CoseErrorKind, MacKey, VerificationKey } from '@lapel/cose';
import {
  CoseError,
  digest,
  encodeVerificationKey,
  equalInConstantTime,
  hmacSha256,
  joined,
  mac0Tag,
  sign1Tag,
  signTag,
  verifyMac0,
  verifySign,
  verifySign1,
} from '@lapel/cose';
import type { Envelope } from './envelope.ts';
import { readEnvelope } from './envelope.ts';
import { legacyNumbering } from './legacy.ts';
import type { Limits } from './limits.ts';
import type { KnownDigest } from './manifest.ts';
import { Digest, Manifest, knownDigest, manifestVersion } from './manifest.ts';
import type { Policy } from './policy.ts';
import type { FailureReason } from './reason.ts';
import { SuitError, parsing } from './reason.ts';
import type { Permissions } from './trust-domains.ts';

/**
 * Somebody whose manifests a Recipient accepts (RFC 6024): provisioned beforehand, never taken from an
 * envelope.
 */
export interface TrustAnchor {
  readonly key: VerificationKey | MacKey;
  /** Without them it may touch every component (manifest-37 §9: the simple case of one author). */
  readonly permissions?: Permissions;
}

declare const authentic: unique symbol;
/** A manifest that a trust anchor vouched for. `authenticate` is its only source. */
export interface AuthenticManifest {
  readonly [authentic]: true;
  readonly manifest: Manifest;
  /** Over the manifest; what a report and an offer name it by. */
  readonly digest: KnownDigest;
  readonly envelope: Envelope;
  /** Who vouched for it. */
  readonly anchor: TrustAnchor;
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
  return whole(envelope, vouching(envelope, anchors));
}

/** A Recipient's own word for what it has authenticated once: nobody else has the secret. */
export interface Voucher {
  readonly secret: Uint8Array;
  readonly code: Uint8Array;
  /** What else it is good for and nothing besides: where the image lies, how long it is, and so on. */
  readonly binding: Uint8Array;
}

/**
 * §4.2: a MAC that the Recipient makes for itself, in place of the signature. It covers the manifest's
 * digest, its binding, and whose signature it was: without that trust anchor it is worth nothing any more.
 */
export function vouchFor(
  { digest: of, anchor }: Pick<AuthenticManifest, 'digest' | 'anchor'>,
  { secret, binding }: Omit<Voucher, 'code'>,
): Uint8Array | undefined {
  if (anchor.key.use !== 'verify') return undefined;
  const covered = [of.bytes, digest('sha-256', encodeVerificationKey(anchor.key)), binding];
  return hmacSha256(secret, joined(...covered));
}

/** As `authenticate`, on the Recipient's own word. @throws {SuitError} stage `auth` where that fails. */
export function authenticateByVoucher(
  bytes: Uint8Array,
  { code, ...voucher }: Voucher,
  anchors: readonly TrustAnchor[],
  limits: Limits,
): AuthenticManifest {
  const envelope = readEnvelope(bytes, limits);
  const of = knownDigest('auth', read(Digest, envelope.digest));
  const anchor = anchors.find((each) => {
    const own = vouchFor({ digest: of, anchor: each }, voucher);
    return own !== undefined && equalInConstantTime(own, code);
  });
  if (anchor !== undefined) return whole(envelope, anchor);
  throw new SuitError('auth', 'unauthorised', 'expected a voucher of this device, found another');
}

/** §8.3: what was vouched for is a digest; the manifest must have it. */
function whole(envelope: Envelope, anchor: TrustAnchor): AuthenticManifest {
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
  return { manifest, digest: manifestDigest, envelope, anchor } as AuthenticManifest;
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
    if (reader.map() === 0 || reader.int() !== 1) throw new CborError('expected manifest-version first', 0);
    return reader.uint();
  });
  if (version !== manifestVersion) {
    const found = `expected manifest-version ${manifestVersion}, found ${version}`;
    throw new SuitError('setup', 'parameter-unsupported', found);
  }
}

const reasonOf: Readonly<Record<CoseErrorKind, FailureReason>> = {
  malformed: 'cose-unsupported',
  algorithm: 'alg-unsupported',
  untrusted: 'unauthorised',
  signature: 'unauthorised',
};

/**
 * §8.3: of several blocks any one that a trust anchor made is enough; the others may be for other
 * Recipients.
 */
function vouching({ digest: payload, blocks }: Envelope, anchors: readonly TrustAnchor[]): TrustAnchor {
  let refusal: CoseError | undefined;
  for (const block of blocks) {
    try {
      const key = verifyBlock(block, payload, anchors);
      const anchor = anchors.find((each) => each.key === key);
      if (anchor !== undefined) return anchor;
    } catch (error) {
      if (!(error instanceof CoseError)) throw error;
      refusal = error;
    }
  }
  if (refusal === undefined) {
    throw new SuitError('auth', 'unauthorised', 'expected an authentication block, found none');
  }
  const message = `authentication block: ${refusal.message}`;
  throw new SuitError('auth', reasonOf[refusal.kind], message, { cause: refusal });
}

function verifyBlock(
  block: Uint8Array,
  payload: Uint8Array,
  anchors: readonly TrustAnchor[],
): VerificationKey | MacKey {
  const tag = tagOf(block);
  if (tag === mac0Tag) return verifyMac0(block, payload, keysOf(anchors, 'mac'));
  if (tag === sign1Tag) return verifySign1(block, payload, keysOf(anchors, 'verify'));
  if (tag === signTag) return verifySign(block, payload, keysOf(anchors, 'verify'));
  const expected = `expected a tagged COSE_Sign1, COSE_Sign or COSE_Mac0`;
  throw new CoseError('malformed', `${expected}, found ${tag === undefined ? 'no tag' : `tag ${tag}`}`);
}

function keysOf<U extends 'mac' | 'verify'>(anchors: readonly TrustAnchor[], use: U) {
  type Key = Extract<VerificationKey | MacKey, { use: U }>;
  return anchors.map(({ key }) => key).filter((key): key is Key => key.use === use);
}

function tagOf(block: Uint8Array): number | undefined {
  try {
    return new Reader(block).tag();
  } catch (error) {
    if (error instanceof CborError) return undefined;
    throw error;
  }
}
