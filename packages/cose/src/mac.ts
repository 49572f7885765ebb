/**
 * COSE_Mac0 (RFC 9052 §6.2) with a detached payload: the symmetric profile of suit-mti, and a bootloader's
 * own seal.
 *
 * COSE_Mac (§6.1) is left out. It wraps a fresh key for each recipient, and whoever can check the tag could
 * have made it: for one manifest that many devices trust that is no authentication. In the profile with HMAC
 * the secret is shared with one device, and the key wrap is for the payload.
 */

import { bstr, bytes, nil, tagged, tuple, write } from '@lapel/cbor';
import { macAlgorithms } from './algorithms.ts';
import { CoseError } from './cose-error.ts';
import { equalInConstantTime, hmacSha256 } from './crypto.ts';
import { Unprotected, protectedHeader, readCose, readHeaders, toBeAuthenticated } from './headers.ts';
import type { MacKey } from './key.ts';

export const mac0Tag = 17;

const { code, tagBytes } = macAlgorithms['HMAC 256/256'];
const Mac0 = tagged(mac0Tag, tuple(bstr, Unprotected, nil, bytes(1, tagBytes)));

export function macDetached(key: MacKey, payload: Uint8Array): Uint8Array {
  const header = protectedHeader(code);
  const unprotected = key.kid === undefined ? {} : { kid: key.kid };
  const tag = hmacSha256(key.secret, toBeAuthenticated('MAC0', header, payload));
  return write(Mac0, [header, unprotected, null, tag]);
}

/** Which of `keys` authenticated `payload`. @throws {CoseError} where none did. */
export function verifyMac0(encoded: Uint8Array, payload: Uint8Array, keys: readonly MacKey[]): MacKey {
  const [header, unprotected, , tag] = readCose(Mac0, encoded, 'COSE_Mac0');
  const { algorithm, kid } = readHeaders(header, unprotected);
  if (algorithm !== code)
    throw new CoseError('algorithm', `expected HMAC 256/256 (${code}), found ${algorithm}`);
  if (tag.length !== tagBytes) {
    throw new CoseError('signature', `expected a tag of ${tagBytes} bytes, found ${tag.length}`);
  }
  const fitting = keys.filter(
    (key) => kid === undefined || (key.kid !== undefined && equalInConstantTime(key.kid, kid)),
  );
  if (fitting.length === 0)
    throw new CoseError('untrusted', 'expected a trusted secret for HMAC 256/256, found none');
  const structure = toBeAuthenticated('MAC0', header, payload);
  const key = fitting.find((each) => equalInConstantTime(hmacSha256(each.secret, structure), tag));
  if (key === undefined)
    throw new CoseError('signature', 'expected a tag of a trusted secret, found another');
  return key;
}
