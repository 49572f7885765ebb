/**
 * An append-only journal in two alternating regions of flash, so that every change of state is one commit
 * and survives a power cut at any instant. `journal-region.ts` has the bytes.
 *
 * After a reset both regions are read, the older first: what the newer one says stands, and where a record
 * of it is damaged, what the older one said before. The newer one is that of the higher generation; where a
 * header is damaged, that with the later records. Where its tail is torn, or it is damaged, the state is
 * written into the other region before anything is appended (a record behind a torn one would be hidden).
 * A region is erased right before it is written and never afterwards, so no erase that a power cut may have
 * left half done is ever built upon.
 *
 * What damage can do: a floor falls only where the record that set it is damaged in every region that had
 * it, and so it is with a confirmed image. Two regions put back to older copies by somebody who holds the
 * flash cannot be told from the truth.
 */

import type { BootRecord } from './boot-record.ts';
import { apply, nothingInstalled, snapshot } from './boot-record.ts';
import type { Flash, Region } from './flash.ts';
import { eraseRegion } from './flash.ts';
import type { JournalRecord } from './journal-record.ts';
import type { RegionContent } from './journal-region.ts';
import { encodeHeader, encodeRecord, isAfter, readRegion } from './journal-region.ts';

/** Room for the state of a device with one component, its texts at their longest, and one more record. */
export const journalBytesMin = 2048;

export class Journal {
  readonly #flash: Flash;
  readonly #regions: readonly [Region, Region];
  #active: Region;
  #generation: number;
  /** The order of the next record. */
  #order = 0;
  /** Where the next record goes. */
  #at: number;
  #record: BootRecord = nothingInstalled;

  private constructor(
    flash: Flash,
    regions: readonly [Region, Region],
    newest: Pick<RegionContent, 'region' | 'end'>,
    generation: number,
  ) {
    this.#flash = flash;
    this.#regions = regions;
    this.#active = newest.region;
    this.#generation = generation;
    this.#at = newest.region.address + newest.end;
  }

  /**
   * Opens a journal, mending what a power cut left; an empty flash gives an empty journal.
   * @throws {RangeError} where the regions are too small to keep a device's state.
   */
  static open(flash: Flash, regions: readonly [Region, Region]): Journal {
    const least = Math.min(regions[0].bytes, regions[1].bytes);
    if (least < journalBytesMin) {
      throw new RangeError(`expected journal regions of at least ${journalBytesMin} bytes, found ${least}`);
    }
    const found = [readRegion(flash, regions[0]), readRegion(flash, regions[1])].filter(isComplete);
    const ascending = found.toSorted((a, b) => (isNewer(a, b) ? 1 : -1));
    const newest = ascending.at(-1);
    // A region that begins a journal is written as the other one: the first.
    const place = newest ?? { region: regions[1], end: 0 };
    const journal = new Journal(flash, regions, place, generationOf(ascending));
    journal.#replay(ascending);
    if (newest === undefined || !newest.isSound || newest.header === 'damaged') journal.duplicate();
    return journal;
  }

  /** The state after all records. */
  get bootRecord(): BootRecord {
    return this.#record;
  }

  /**
   * Commits one change of state.
   * @throws {RangeError} where there is no room for it even so; then nothing has changed.
   */
  append(record: JournalRecord): void {
    const { length } = this.#encode(record);
    const room = this.#active.address + this.#active.bytes - this.#at;
    if (length > room) this.#rewrite(length);
    // Encoded once more: its order comes behind that of what was rewritten.
    this.#program(this.#encode(record));
    this.#record = apply(this.#record, record);
  }

  /**
   * Writes the whole state into the other region, and goes on there. The header, last, makes it count; until
   * then, and for whatever is damaged later, the region before still stands.
   */
  duplicate(): void {
    this.#rewrite(0);
  }

  /** @param room that must be left behind the state. */
  #rewrite(room: number): void {
    const next = this.#active === this.#regions[0] ? this.#regions[1] : this.#regions[0];
    const { granuleBytes } = next;
    const header = encodeHeader((this.#generation + 1) >>> 0, granuleBytes);
    const records = snapshot(this.#record).map((record) => this.#encode(record));
    const length = records.reduce((sum, bytes) => sum + bytes.length, header.length + room);
    // Found out before anything is erased: a device whose state does not fit keeps the one it has.
    if (length > next.bytes) {
      throw new RangeError(`expected a journal region of at least ${length} bytes, found ${next.bytes}`);
    }
    eraseRegion(this.#flash, next);
    let at = next.address + header.length;
    for (const bytes of records) {
      this.#flash.program(at, bytes);
      at += bytes.length;
    }
    this.#flash.program(next.address, header);
    this.#active = next;
    this.#at = at;
    this.#generation = (this.#generation + 1) >>> 0;
  }

  #replay(ascending: readonly RegionContent[]): void {
    for (const { placed } of ascending) {
      for (const { record, order } of placed) {
        this.#record = apply(this.#record, record);
        this.#order = (order + 1) >>> 0;
      }
    }
  }

  #encode(record: JournalRecord): Uint8Array {
    const bytes = encodeRecord({ record, order: this.#order }, this.#active.granuleBytes);
    this.#order = (this.#order + 1) >>> 0;
    return bytes;
  }

  #program(bytes: Uint8Array): void {
    const at = this.#at;
    // Behind a write that a cut tears, nothing more is appended: the position moves before the flash does.
    this.#at += bytes.length;
    this.#flash.program(at, bytes);
  }
}

/** Blank where the header goes: a power cut came before the records were all there. */
const isComplete = ({ header, placed }: RegionContent): boolean =>
  typeof header === 'number' || (header === 'damaged' && placed.length > 0);

function isNewer(a: RegionContent, b: RegionContent): boolean {
  if (typeof a.header === 'number' && typeof b.header === 'number') return isAfter(a.header, b.header);
  const [last, other] = [a.placed.at(-1), b.placed.at(-1)];
  if (last === undefined || other === undefined) return other === undefined;
  return isAfter(last.order, other.order);
}

/** Of the newest region; where its header is damaged, at least one above the other's. */
function generationOf(ascending: readonly RegionContent[]): number {
  return ascending.reduce((last, { header }) => (typeof header === 'number' ? header : (last + 1) >>> 0), 0);
}
