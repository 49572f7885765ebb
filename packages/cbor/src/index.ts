/**
 * CBOR (RFC 8949) for Lapel: how every manifest, signature, report and message is written. One item has one
 * encoding here (§4.2.1); whatever else is found is refused with the offset. `schema` describes a message
 * once: it reads, writes and types it. `item` and `diagnostic` are for what nobody described, and for
 * people.
 */

export { CborError, UnknownKeyError, shown } from './cbor-error.ts';
export { diagnostic, hex, unhex } from './diagnostic.ts';
export { decode, encode, Float, Simple, Tagged } from './item.ts';
export type { Item, ItemMap } from './item.ts';
export { major, nestingMax, Reader } from './reader.ts';
export { compareBytes } from './key-order.ts';
export { Writer } from './writer.ts';
export * from './schema.ts';
export * from './schema-map.ts';
