/**
 * Vendor, class and device identifiers (draft-ietf-suit-manifest-37 §8.4.8.2): version 5 UUIDs (RFC 9562
 * §5.5) from names.
 */

import { hex, unhex } from '@lapel/cbor';
import { uuidFromName } from '@lapel/cose';

/** RFC 9562 §6.6: the namespace of domain names. */
const dnsNamespace = unhex('6ba7b8109dad11d180b400c04fd430c8')!;

/** §8.4.8.1: the namespace of private enterprise numbers. */
const enterpriseNamespace = unhex('47fbdabbf2e455f0bb393620c2f6df4e')!;
const enterprisePattern = /^pen:(?<number>[1-9]\d{0,9})$/;

/** @param name the vendor's own domain name, such as `lapel.example`, or its `pen:` with the number. */
export function vendorIdentifier(name: string): Uint8Array {
  const number = enterprisePattern.exec(name)?.groups?.['number'];
  return number === undefined
    ? uuidFromName(dnsNamespace, utf8.encode(name))
    : uuidFromName(enterpriseNamespace, enterpriseNumber(Number(number)));
}

/** CBOR_PEN of §8.4.8.2: below the arc of IANA's, as a relative object identifier (RFC 9090, tag 112). */
function enterpriseNumber(number: number): Uint8Array {
  const digits: number[] = [];
  for (let rest = number; rest > 0; rest = Math.floor(rest / 128)) digits.unshift(rest % 128);
  const identifier = digits.map((digit, index) => (index < digits.length - 1 ? digit | 0x80 : digit));
  return Uint8Array.of(0xd8, 112, 0x40 | identifier.length, ...identifier);
}

/** @param name a product name, hardware revision or whatever tells this vendor's classes apart. */
export const classIdentifier = (vendor: Uint8Array, name: string): Uint8Array =>
  uuidFromName(vendor, utf8.encode(name));

/** The usual grouping of 8-4-4-4-12 digits. */
export const uuidText = (uuid: Uint8Array): string =>
  hex(uuid).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

/** The 16 bytes of a UUID as people write it, or undefined. */
export function uuidBytes(text: string): Uint8Array | undefined {
  const digits = text.replaceAll('-', '');
  return digits.length === 32 ? unhex(digits) : undefined;
}

const utf8 = new TextEncoder();
