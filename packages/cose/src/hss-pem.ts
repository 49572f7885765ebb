/**
 * The public half of a hash-based key as other tools read it: SubjectPublicKeyInfo in PEM (RFC 9708 §4),
 * whose algorithm is id-alg-hss-lms-hashsig, without parameters, and whose bits are the key of RFC
 * 8554 as it is.
 */

import { compareBytes } from '@lapel/cbor';
import { joined } from './joined.ts';

/** SEQUENCE { OID 1.2.840.113549.1.9.16.3.17 }, which stands in a SEQUENCE before the BIT STRING. */
const algorithm = Uint8Array.from([
  0x30, 0x0d, 0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x03, 0x11,
]);
const [sequence, bitString] = [0x30, 0x03];
/** Public keys with hashes of 24 and of 32 bytes: every length below fits one byte. */
const keyBytes: readonly number[] = [52, 60];
const lineLength = 64;

export function writeHssPem(key: Uint8Array): string {
  const text = btoa(String.fromCharCode(...joined(headOf(key.length), key)));
  const lines = text.match(new RegExp(`.{1,${lineLength}}`, 'g')) ?? [];
  return ['-----BEGIN PUBLIC KEY-----', ...lines, '-----END PUBLIC KEY-----', ''].join('\n');
}

/** The key in such a text; undefined where it is another key, or no key. */
export function readHssPem(pem: string): Uint8Array | undefined {
  const found = /-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]*)-----END PUBLIC KEY-----/.exec(pem);
  const bytes = bytesOf(found?.[1]?.replaceAll(/\s/g, ''));
  if (bytes === undefined) return undefined;
  for (const length of keyBytes) {
    const head = headOf(length);
    const isHere = bytes.length === head.length + length;
    if (isHere && compareBytes(bytes.subarray(0, head.length), head) === 0) return bytes.slice(head.length);
  }
  return undefined;
}

const headOf = (length: number): Uint8Array =>
  Uint8Array.from([
    sequence,
    algorithm.length + 3 + length,
    ...algorithm,
    bitString,
    length + 1,
    // No bits are left over at the end.
    0,
  ]);

function bytesOf(base64: string | undefined): Uint8Array | undefined {
  if (base64 === undefined || base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64))
    return undefined;
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
