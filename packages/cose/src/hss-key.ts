/**
 * A hash-based key as an author keeps it: parameters and seed in a secret that never changes, and beside it a
 * ledger that does (leaf-ledger.ts). The two are kept apart, since a secret may be backed up and a ledger may
 * not.
 */

import type { Infer } from '@lapel/cbor';
import { array, bytes, map, required, tuple, uint, write } from '@lapel/cbor';
import { CoseError } from './cose-error.ts';
import { writeCoseKey } from './cose-key.ts';
import { randomBytes } from './crypto.ts';
import { readCose } from './headers.ts';
import { levelsMax } from './hss-lms.ts';
import type { HssSecret, OnGrown } from './hss-signing.ts';
import { createHssSigner } from './hss-signing.ts';
import type { SigningKey } from './key.ts';
import { decodeVerificationKey, isSignatureOf } from './key.ts';
import type { LeafLedger } from './leaf-ledger.ts';
import { identifierBytes } from './lms.ts';
import { oneTimeSetByCode, oneTimeSetOf, treeSetByCode, treeSetOf } from './lms-parameters.ts';

/** One level of a key: 2^height leaves, signing digits of so many bits. */
export interface HssLevel {
  readonly height: 5 | 10 | 15;
  /** Larger digits make shorter signatures and longer work. */
  readonly digitBits: 1 | 2 | 4 | 8;
  /** Of a hash; every level has the same. 24 make shorter signatures (RFC 9858). */
  readonly hashBytes: 24 | 32;
}

const Secret = map({
  levels: required(1, array(tuple(uint, uint), { min: 1, max: levelsMax })),
  identifier: required(2, bytes(identifierBytes)),
  seed: required(3, bytes(24, 32)),
  publicKey: required(4, bytes(52, 60)),
});
type Secret = Infer<typeof Secret>;

/** A new secret. Growing the top tree takes a while: for height 10 and digits of 4 bits about a second. */
export function generateHssSecret(levels: readonly HssLevel[], onGrown?: OnGrown): Uint8Array {
  const sets = levels.map(({ height, digitBits, hashBytes }) => ({
    tree: treeSetOf(hashBytes, height),
    oneTime: oneTimeSetOf(hashBytes, digitBits),
  }));
  const secret: HssSecret = {
    levels: sets,
    identifier: randomBytes(identifierBytes),
    seed: randomBytes(levels[0]?.hashBytes ?? 0),
  };
  return write(Secret, {
    levels: sets.map(({ tree, oneTime }) => [tree.code, oneTime.code] as const),
    identifier: secret.identifier,
    seed: secret.seed,
    publicKey: createHssSigner(secret, onGrown).publicKey(),
  });
}

/**
 * The key of a secret, whose leaves the ledger hands out. A signature is verified before it leaves: a damaged
 * secret then signs nothing, instead of something that nobody can verify.
 * @throws {CoseError} where the bytes are no such secret.
 */
export function hssSigningKey(
  encoded: Uint8Array,
  ledger: (kid: Uint8Array) => LeafLedger,
  onGrown?: OnGrown,
): SigningKey {
  const { levels, identifier, seed, publicKey } = readCose(Secret, encoded, 'HSS-LMS secret');
  const signer = createHssSigner({ levels: levels.map(setsOf), identifier, seed }, onGrown);
  const other = decodeVerificationKey(writeCoseKey({ kind: 'HSS-LMS', x: publicKey }));
  const { kind, kid } = other;
  const leaves = ledger(kid);
  const sign = (message: Uint8Array) => {
    const signature = signer.sign(leaves.reserve(signer.leaves), message);
    if (isSignatureOf(other, message, signature)) return signature;
    throw new CoseError(
      'malformed',
      'expected the secret of this public key, found another or a damaged one',
    );
  };
  return { use: 'sign', kind, kid, public: other, sign };
}

function setsOf([treeCode, oneTimeCode]: Secret['levels'][number]): HssSecret['levels'][number] {
  const [tree, oneTime] = [treeSetByCode(treeCode), oneTimeSetByCode(oneTimeCode)];
  if (tree !== undefined && oneTime !== undefined) return { tree, oneTime };
  throw new CoseError('algorithm', `expected LMS with SHA-256, found sets ${treeCode} and ${oneTimeCode}`);
}
