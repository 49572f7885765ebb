/**
 * An append-only journal in two alternating regions of flash, so that every change of state is one commit
 * and survives a power cut at any instant.
 *
 * A region: `header, record, record, …, erased`. A record: `length u16, type u8, 0xff, order u32, body, crc
 * u32`, padded to the granule; programmed upwards, so that it counts only once its last granule is there.
 * The header ends with its own checksum in the same way: a compaction writes it last. No granule is
 * programmed twice.
 *
 * After a reset the valid region with the higher generation is read; where its tail is torn or it is
 * damaged, it is compacted into the other before anything is appended (a record behind a torn one would be
 * hidden). A region is erased right before it is written and never afterwards, so no erase that a power cut
 * may have left half done is ever relied on.
 */

import { CborError, read, write } from '@lapel/cbor';
import type { Schema } from '@lapel/cbor';
import type { BootRecord } from './boot-record.ts';
import { apply, nothingInstalled, snapshot } from './boot-record.ts';
import { checksum } from './checksum.ts';
import type { Flash, Region } from './flash.ts';
import { eraseRegion, erasedByte, isErased, padded } from './flash.ts';
import type { JournalRecord, RecordName } from './journal-record.ts';
import { records } from './journal-record.ts';

/** Written into every header; a later version that finds this one must still read it. */
export const journalVersion = 1;

const magic = 0x4c4a;
const headerBytes = 12;
const recordHeadBytes = 8;
const checksumBytes = 4;

export class Journal {
  readonly #flash: Flash;
  readonly #regions: readonly [Region, Region];
  #active: Region;
  #generation: number;
  #order = 0;
  /** Where the next record goes. */
  #at: number;
  #record: BootRecord = nothingInstalled;

  private constructor(flash: Flash, regions: readonly [Region, Region], active: Region, generation: number) {
    this.#flash = flash;
    this.#regions = regions;
    this.#active = active;
    this.#generation = generation;
    this.#at = active.address;
  }

  /** Opens a journal, mending what a power cut left; an empty flash gives an empty journal. */
  static open(flash: Flash, regions: readonly [Region, Region]): Journal {
    const [first, second] = regions;
    const generations = [generationOf(flash, first), generationOf(flash, second)] as const;
    const [a, b] = generations;
    if (a === undefined && b === undefined) return Journal.#format(flash, regions);
    const [active, generation] = (a ?? -1) > (b ?? -1) ? [first, a ?? 0] : [second, b ?? 0];
    const journal = new Journal(flash, regions, active, generation);
    const sound = journal.#replay();
    if (!sound) journal.#compact();
    return journal;
  }

  static #format(flash: Flash, regions: readonly [Region, Region]): Journal {
    const journal = new Journal(flash, regions, regions[1], 0);
    journal.#compact();
    return journal;
  }

  /** The state after all records. */
  get bootRecord(): BootRecord {
    return this.#record;
  }

  /** Commits one change of state. */
  append(record: JournalRecord): void {
    const bytes = this.#encode(record);
    if (this.#at + bytes.length > this.#active.address + this.#active.bytes) this.#compact();
    this.#program(bytes);
    this.#record = apply(this.#record, record);
  }

  get #other(): Region {
    return this.#active === this.#regions[0] ? this.#regions[1] : this.#regions[0];
  }

  /** Writes the state into the other region; the header, last, makes it the active one. */
  #compact(): void {
    const next = this.#other;
    eraseRegion(this.#flash, next);
    const header = this.#header(this.#generation + 1);
    this.#active = next;
    this.#at = next.address + header.length;
    for (const record of snapshot(this.#record)) this.#program(this.#encode(record));
    this.#flash.program(next.address, header);
    this.#generation++;
  }

  #program(bytes: Uint8Array): void {
    const end = this.#active.address + this.#active.bytes;
    if (this.#at + bytes.length > end) {
      throw new RangeError(
        `expected a journal record of at most ${end - this.#at} bytes, found ${bytes.length}`,
      );
    }
    const at = this.#at;
    // Behind a write that a cut tears, nothing more is appended: the position moves before the flash does.
    this.#at += bytes.length;
    this.#flash.program(at, bytes);
  }

  #header(generation: number): Uint8Array {
    const view = new DataView(new ArrayBuffer(headerBytes));
    view.setUint16(0, magic);
    view.setUint8(2, journalVersion);
    view.setUint8(3, erasedByte);
    view.setUint32(4, generation);
    view.setUint32(8, checksum(new Uint8Array(view.buffer, 0, 8)));
    return padded(new Uint8Array(view.buffer), this.#flash.geometry.granuleBytes);
  }

  #encode(record: JournalRecord): Uint8Array {
    const { name, ...body } = record;
    const { type, body: rule } = records[name];
    const encoded = write(rule as Schema<unknown>, body);
    const bytes = new Uint8Array(recordHeadBytes + encoded.length + checksumBytes);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, encoded.length);
    view.setUint8(2, type);
    view.setUint8(3, erasedByte);
    view.setUint32(4, this.#order++);
    bytes.set(encoded, recordHeadBytes);
    const sum = checksum(bytes.subarray(0, recordHeadBytes + encoded.length));
    view.setUint32(recordHeadBytes + encoded.length, sum);
    return padded(bytes, this.#flash.geometry.granuleBytes);
  }

  /**
   * Reads all records of the active region. Returns whether every byte of it is accounted for; a damaged
   * record is passed over granule by granule to the next sound one, so that damage never hides a floor that
   * was written behind it.
   */
  #replay(): boolean {
    const { granuleBytes } = this.#flash.geometry;
    const region = this.#flash.read(this.#active.address, this.#active.bytes);
    let sound = true;
    let at = Math.ceil(headerBytes / granuleBytes) * granuleBytes;
    while (at < region.length) {
      const found = decodeRecord(region, at, this.#order);
      if (found !== undefined) {
        this.#record = apply(this.#record, found.record);
        this.#order = found.order + 1;
        at += Math.ceil(found.bytes / granuleBytes) * granuleBytes;
      } else if (isErased(region.subarray(at))) {
        break;
      } else {
        sound = false;
        at += granuleBytes;
      }
    }
    this.#at = this.#active.address + at;
    return sound;
  }
}

interface Decoded {
  readonly record: JournalRecord;
  readonly order: number;
  readonly bytes: number;
}

const namesByType = new Map<number, RecordName>(
  Object.entries(records).map(([name, { type }]) => [type, name as RecordName]),
);

/** The record that begins here, if one does; records whose order is not above the last are left-overs. */
function decodeRecord(region: Uint8Array, at: number, orderMin: number): Decoded | undefined {
  if (at + recordHeadBytes + checksumBytes > region.length) return undefined;
  const view = new DataView(region.buffer, region.byteOffset + at);
  const length = view.getUint16(0);
  const bytes = recordHeadBytes + length + checksumBytes;
  const name = namesByType.get(view.getUint8(2));
  const order = view.getUint32(4);
  if (name === undefined || at + bytes > region.length || order < orderMin) return undefined;
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

function generationOf(flash: Flash, region: Region): number | undefined {
  const header = flash.read(region.address, headerBytes);
  const view = new DataView(header.buffer, header.byteOffset, headerBytes);
  if (view.getUint16(0) !== magic || view.getUint8(2) !== journalVersion) return undefined;
  if (view.getUint32(8) !== checksum(header.subarray(0, 8))) return undefined;
  return view.getUint32(4);
}
