/** Keys that come of a seed, so that a case can be repeated: for fuzzing, and nothing else. */

import type { MacKey, SigningKey } from '@lapel/cose';
import { CoseError, macKey, readKeyPem } from '@lapel/cose';
import { seededRandom } from './random.ts';

/** The head of an Ed25519 private key in PKCS #8 (RFC 8410 §7), before its 32 bytes. */
const pkcs8Head = '302e020100300506032b657004220420';

/** Ed25519, whose signatures hold nothing of chance. */
export function seededSigningKey(seed: number): SigningKey {
  const secret = seededRandom(seed).fork('signing key').bytes(32);
  const body = Buffer.concat([Buffer.from(pkcs8Head, 'hex'), secret]).toString('base64');
  const key = readKeyPem(`-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`);
  if (key.use !== 'sign') throw new CoseError('malformed', 'expected a private key, found a public one');
  return key;
}

export const seededMacKey = (seed: number): MacKey => macKey(seededRandom(seed).fork('mac key').bytes(32));
