/** draft-ietf-suit-manifest-37 §8.3: who vouches for what an envelope's authentication blocks are over. */

import { CborError, Reader } from '@lapel/cbor';
import type { CoseErrorKind, MacKey, VerificationKey } from '@lapel/cose';
import { CoseError, mac0Tag, sign1Tag, signTag, verifyMac0, verifySign, verifySign1 } from '@lapel/cose';
import type { Envelope } from './envelope.ts';
import type { FailureReason } from './reason.ts';
import { SuitError } from './reason.ts';
import type { Requirement, TrustAnchor, Vouching } from './trust-anchor.ts';
import { countedText, distinctVoices, quorums } from './trust-anchor.ts';

const reasonOf: Readonly<Record<CoseErrorKind, FailureReason>> = {
  malformed: 'cose-unsupported',
  algorithm: 'alg-unsupported',
  untrusted: 'unauthorised',
  signature: 'unauthorised',
};

/**
 * §8.3: of several blocks any one that a trust anchor made is enough, and the others may be for other
 * Recipients; unless this one requires more.
 * @throws {SuitError} stage `auth`.
 */
export function whoVouches(
  { digest: payload, blocks }: Pick<Envelope, 'digest' | 'blocks'>,
  anchors: readonly TrustAnchor[],
  required: readonly Requirement[] = [],
): Vouching {
  const voices = distinctVoices(anchors);
  const heard = new Set<TrustAnchor>();
  let refusal: CoseError | undefined;
  for (const block of blocks) {
    try {
      for (const anchor of makersOf(block, payload, voices)) {
        heard.add(anchor);
        const [quorum] = quorums(inOrder(voices, heard), required);
        if (quorum !== undefined) return quorum;
      }
    } catch (error) {
      if (!(error instanceof CoseError)) throw error;
      refusal = error;
    }
  }
  if (heard.size > 0) {
    const found = countedText(required, inOrder(voices, heard));
    throw unauthorised(`expected signatures of ${countedText(required)}, found ${found}`);
  }
  if (refusal === undefined) throw unauthorised('expected an authentication block, found none');
  const message = `authentication block: ${refusal.message}`;
  throw new SuitError('auth', reasonOf[refusal.kind], message, { cause: refusal });
}

/** All of them who have signed it, not only as many as are needed; what others have made of it is theirs. */
export function allWhoVouch(
  { digest: payload, blocks }: Pick<Envelope, 'digest' | 'blocks'>,
  anchors: readonly TrustAnchor[],
): readonly TrustAnchor[] {
  const voices = distinctVoices(anchors);
  const heard = new Set<TrustAnchor>();
  for (const block of blocks) {
    try {
      for (const anchor of makersOf(block, payload, voices)) heard.add(anchor);
    } catch (error) {
      if (!(error instanceof CoseError)) throw error;
    }
  }
  return inOrder(voices, heard);
}

const inOrder = (voices: readonly TrustAnchor[], heard: ReadonlySet<TrustAnchor>) =>
  voices.filter((each) => heard.has(each));

const unauthorised = (message: string) => new SuitError('auth', 'unauthorised', message);

/** One for each block, but for a COSE_Sign, which several may have made together. @throws {CoseError} */
function* makersOf(
  block: Uint8Array,
  payload: Uint8Array,
  anchors: readonly TrustAnchor[],
): Iterable<TrustAnchor> {
  let left = anchors;
  for (let first = true; left.length > 0 || first; first = false) {
    const key = first ? verifyBlock(block, payload, left) : another(block, payload, left);
    const anchor = left.find((each) => each.key === key);
    if (anchor === undefined) return;
    yield anchor;
    if (tagOf(block) !== signTag) return;
    left = left.filter((each) => each !== anchor);
  }
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

/** Of a COSE_Sign that one trusted key has signed. */
function another(block: Uint8Array, payload: Uint8Array, anchors: readonly TrustAnchor[]) {
  try {
    return verifyBlock(block, payload, anchors);
  } catch (error) {
    if (error instanceof CoseError) return undefined;
    throw error;
  }
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
