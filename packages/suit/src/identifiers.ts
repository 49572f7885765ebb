/**
 * Vendor, class and device identifiers (draft-ietf-suit-manifest-37 §8.4.8.2): version 5 UUIDs (RFC 9562
 * §5.5) from names.
 */

import { hex, unhex } from '@lapel/cbor';
import { uuidFromName } from '@lapel/cose';

/** RFC 9562 §6.6: the namespace of domain names. */
const dnsNamespace = unhex('6ba7b8109dad11d180b400c04fd430c8')!;

/** @param domain the vendor's own domain name, such as `lapel.example`. */
export const vendorIdentifier = (domain: string): Uint8Array =>
  uuidFromName(dnsNamespace, utf8.encode(domain));

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
