/**
 * draft-ietf-suit-firmware-encryption-24 §7: what a manifest must prove of an encrypted content before it is
 * decrypted. Whoever holds a content key, which every recipient does, could forge a tag, so a tag proves
 * nothing of the author: a ciphertext of which the manifest gives the digest is compared with it first.
 */

import type { ContentAlgorithm, CoseErrorKind, Decryption, RecipientKey, WrappingKey } from '@lapel/cose';
import { CoseError, contentAlgorithms, decryptWith, encryptedWith } from '@lapel/cose';
import type { FailureReason } from '../reason.ts';
import { SuitError } from '../reason.ts';
import type { PolicyCommandName } from '../registry.ts';
import type { EncryptionInfo } from './effect.ts';
import type { State } from './state.ts';
import { parametersOf } from './state.ts';
import { operationFailed } from './target.ts';

/** Of the device: a secret that it shares with who encrypts, or a key pair of its own. */
export type DecryptionKey = WrappingKey | RecipientKey;

/** @throws {SuitError} where a command would decrypt what nothing proves. */
export function requireProof(name: PolicyCommandName, component: number, state: State): void {
  const isDependency = state.admitted.slots[component]?.dependency !== undefined;
  const decrypts = name === 'directive-write' || name === 'directive-copy';
  if (!decrypts && !(name === 'directive-fetch' && isDependency)) return;
  const { encryptionInfo, imageDigest, sourceComponent } = parametersOf(component, state);
  if (encryptionInfo === undefined) return;
  const algorithm = algorithmOf(encryptionInfo);
  const source = name === 'directive-copy' ? sourceComponent : undefined;
  const isProvable = source !== undefined && parametersOf(source, state).imageDigest !== undefined;
  // §7.1.2, §11: and nobody wastes a battery on decrypting what anybody sent.
  if (isProvable && !isMatched(source, state)) {
    throw operationFailed('expected an image match of the ciphertext before it is decrypted, found none');
  }
  // §4.3, §8: a cipher without a tag leaves it to digests altogether.
  if (isProvable || imageDigest !== undefined || contentAlgorithms[algorithm].tagBytes > 0) return;
  const found = `expected a digest of plaintext or ciphertext beside ${algorithm}, found none`;
  throw new SuitError('run', 'parameter-unsupported', found);
}

const isMatched = (index: number, { admitted, shared }: State): boolean =>
  shared.verified.has(admitted.slots[index]?.name ?? '');

const algorithmOf = (info: EncryptionInfo): ContentAlgorithm => understood(() => encryptedWith(info));

/**
 * A content on its way through decryption, in pieces of any size. Nothing of it is proved before `finish` has
 * returned; and then it is by the manifest's digests alone.
 * @throws {SuitError} stage `run`: where no key opens it, and from `finish` where its tag is another.
 */
export function decrypting(info: EncryptionInfo, keys: readonly DecryptionKey[]): Decryption {
  const running = understood(() => decryptWith(info, keys));
  return {
    algorithm: running.algorithm,
    update: (piece) => understood(() => running.update(piece)),
    finish: () => understood(() => running.finish()),
  };
}

const reasonOf: Readonly<Record<CoseErrorKind, FailureReason>> = {
  malformed: 'cose-unsupported',
  algorithm: 'alg-unsupported',
  untrusted: 'unauthorised',
  // The manifest is what it should be; what came for it is not.
  signature: 'operation-failed',
};

function understood<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof CoseError)) throw error;
    const message = `encryption-info: ${error.message}`;
    throw new SuitError('run', reasonOf[error.kind], message, { cause: error });
  }
}
