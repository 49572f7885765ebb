/**
 * One region of the journal as it lies in flash: `header, record, record, …, erased`.
 *
 * A record: `length u16, type u8, 0xff, order u32, body, crc u32`, padded to the granule; programmed upwards,
 * so that it counts only once its last granule is there. `order` rises by one with each record, over both
 * regions. The header: `magic u16, version u8, 0xff, generation u32, next u32, crc u32`, padded in the same
 * way and written last of a region's first records: while its place is blank, what stands behind it is
 * unfinished. `next` is the order of the first record that was appended to them.
 */

import type { Schema } from '@lapel/cbor';
import { CborError, read, write } from '@lapel/cbor';
import { checksum } from '@lapel/transport/frame';
import type { Flash, Region } from './flash.ts';
import { erasedByte, isErased, padded, readWhatCan } from './flash.ts';
import type { JournalRecord, RecordName } from './journal-record.ts';
import { records } from './journal-record.ts';

/** Written into every header; a later version that finds this one must still read it. */
export const journalVersion = 1;

const magic = 0x4c4a;
const headerBytes = 16;
const recordHeadBytes = 8;
const checksumBytes = 4;

export interface Placed {
  readonly record: JournalRecord;
  readonly order: number;
}

export interface Header {
  readonly generation: number;
  /** The order of the first record behind those that the region began with. */
  readonly next: number;
}

export interface RegionContent {
  readonly region: Region;
  /** What the header tells; or how its place looks instead. */
  readonly header: Header | 'blank' | 'damaged';
  readonly placed: readonly Placed[];
  /** Where the next record goes, from the region's start. */
  readonly end: number;
  /** Whether every byte behind the header is accounted for. */
  readonly isSound: boolean;
}

/**
 * Reads a whole region. Where a record is damaged, it goes on granule by granule to the next sound one, so
 * that damage never hides what was written behind it. One erased granule between two records is the gap that
 * a restart leaves; a second record of the same order is a copy of the first.
 */
export function readRegion(flash: Flash, region: Region): RegionContent {
  const { granuleBytes } = region;
  const { bytes, isWhole } = readWhatCan(flash, region);
  const placed: Placed[] = [];
  let isSound = isWhole;
  let at = wholeGranules(headerBytes, granuleBytes);
  while (at < bytes.length) {
    const last = placed.at(-1);
    const found = decodeRecord(bytes, at, last?.order);
    if (found !== undefined) {
      if (found.order !== last?.order) placed.push(found);
      at += wholeGranules(found.bytes, granuleBytes);
    } else if (isErased(bytes.subarray(at))) {
      break;
    } else {
      const isGap =
        isErased(bytes.subarray(at, at + granuleBytes)) &&
        decodeRecord(bytes, at + granuleBytes, last?.order) !== undefined;
      isSound &&= isGap;
      at += granuleBytes;
    }
  }
  return { region, header: readHeader(bytes, granuleBytes), placed, end: at, isSound };
}

export function encodeHeader({ generation, next }: Header, granuleBytes: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(headerBytes));
  view.setUint16(0, magic);
  view.setUint8(2, journalVersion);
  view.setUint8(3, erasedByte);
  view.setUint32(4, generation);
  view.setUint32(8, next);
  view.setUint32(12, checksum(new Uint8Array(view.buffer, 0, 12)));
  return padded(new Uint8Array(view.buffer), granuleBytes);
}

/** @throws {CborError} where the record cannot be read back. */
export function encodeRecord({ record, order }: Placed, granuleBytes: number): Uint8Array {
  const { name, ...body } = record;
  const { type, body: rule } = records[name];
  const encoded = write(rule as Schema<unknown>, body);
  const bytes = new Uint8Array(recordHeadBytes + encoded.length + checksumBytes);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, encoded.length);
  view.setUint8(2, type);
  view.setUint8(3, erasedByte);
  view.setUint32(4, order);
  bytes.set(encoded, recordHeadBytes);
  const covered = bytes.subarray(0, recordHeadBytes + encoded.length);
  view.setUint32(covered.length, checksum(covered));
  return padded(bytes, granuleBytes);
}

/** Numbers of 32 bits that go on from 0 behind the last: whether `a` comes later than `b`. */
export const isAfter = (a: number, b: number): boolean => ((a - b) | 0) > 0;

function readHeader(bytes: Uint8Array, granuleBytes: number): RegionContent['header'] {
  if (isErased(bytes.subarray(0, wholeGranules(headerBytes, granuleBytes)))) return 'blank';
  const view = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
  const isOurs = view.getUint16(0) === magic && view.getUint8(2) === journalVersion;
  const isWhole = isOurs && view.getUint32(12) === checksum(bytes.subarray(0, 12));
  return isWhole ? { generation: view.getUint32(4), next: view.getUint32(8) } : 'damaged';
}

const namesByType = new Map<number, RecordName>(
  Object.entries(records).map(([name, { type }]) => [type, name as RecordName]),
);

/** The record that begins here, if one does; one whose order is below the last is a left-over. */
function decodeRecord(
  region: Uint8Array,
  at: number,
  last: number | undefined,
): (Placed & { readonly bytes: number }) | undefined {
  if (at + recordHeadBytes + checksumBytes > region.length) return undefined;
  const view = new DataView(region.buffer, region.byteOffset + at);
  const length = view.getUint16(0);
  const bytes = recordHeadBytes + length + checksumBytes;
  const name = namesByType.get(view.getUint8(2));
  const order = view.getUint32(4);
  if (name === undefined || at + bytes > region.length) return undefined;
  if (last !== undefined && isAfter(last, order)) return undefined;
  const covered = region.subarray(at, at + recordHeadBytes + length);
  if (view.getUint32(recordHeadBytes + length) !== checksum(covered)) return undefined;
  try {
    const body = read(records[name].body as Schema<object>, covered.subarray(recordHeadBytes));
    return { record: { name, ...body } as JournalRecord, order, bytes };
  } catch (error) {
    if (error instanceof CborError) return undefined;
    throw error;
  }
}

const wholeGranules = (bytes: number, granuleBytes: number) => Math.ceil(bytes / granuleBytes) * granuleBytes;
