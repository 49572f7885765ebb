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
 * A cut may leave bits that read so now and otherwise later, and a granule that was begun may read as if it
 * had not been. So nothing that was written last before a reset is acted upon, and nothing is appended behind
 * it: the state is written into the other region first. `settled` at the end says that this has been done, so
 * that a start which changes nothing writes nothing. Whatever comes before a record that was begun in the
 * same life is whole.
 *
 * What damage can do: a floor falls only where the record that set it is damaged in every region that had
 * it, and so it is with a confirmed image. Two regions put back to older copies by somebody who holds the
 * flash cannot be told from the truth without a counter in hardware.
 */

import type { BootRecord } from './boot-record.ts';
import { apply, nothingInstalled } from './boot-record.ts';
import type { Flash, Region } from './flash.ts';
import { eraseRegion } from './flash.ts';
import type { JournalRecord } from './journal-record.ts';
import type { Placed, RegionContent } from './journal-region.ts';
import { encodeHeader, encodeRecord, isAfter, readRegion } from './journal-region.ts';
import { snapshot, withoutComforts } from './snapshot.ts';

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
  /** Nothing has been written since the reset: what was begun before it may lie unseen where the tail is. */
  #isFresh = true;
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
    const ascending = inOrder([readRegion(flash, regions[0]), readRegion(flash, regions[1])]);
    const newest = ascending.at(-1);
    // One that may not last is written anew, and not the one before it: that is all there is, then.
    const base = ascending.findLast(isProved) ?? newest;
    // A region that begins a journal is written as the other one: the first.
    const place = base ?? { region: regions[1], end: 0 };
    const journal = new Journal(flash, regions, place, generationOf(ascending));
    journal.#replay(ascending);
    const isSettled = newest === base && newest?.placed.at(-1)?.record.name === 'settled';
    if (!isSettled || !newest.isSound || newest.header === 'damaged') {
      journal.duplicate();
    }
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
    const { length } = this.#encode(record, this.#order);
    const { address, bytes } = this.#active;
    if (this.#isFresh || this.#at + length > address + bytes) this.#rewrite(length);
    this.#program(record);
    this.#record = apply(this.#record, record);
  }

  /**
   * Writes the whole state into the other region, and goes on there. The header, last, makes it count; until
   * then, and for whatever is damaged later, the region before still stands.
   */
  duplicate(): void {
    const settled = { name: 'settled' } as const;
    this.#rewrite(this.#encode(settled, this.#order).length);
    // The header is whole, too, once something was begun behind it.
    this.#program(settled);
  }

  /** @param room for what comes behind the state. */
  #rewrite(room: number): void {
    const next = this.#active === this.#regions[0] ? this.#regions[1] : this.#regions[0];
    const generation = (this.#generation + 1) >>> 0;
    let state = this.#record;
    let written = this.#encodeState(state, generation, next);
    if (written.length + room > next.bytes) {
      state = withoutComforts(state);
      written = this.#encodeState(state, generation, next);
    }
    const { records, order, header } = written;
    const length = written.length + room;
    // Found out before anything is erased: a device whose state does not fit keeps the one it has.
    if (length > next.bytes) {
      throw new RangeError(`expected a journal region of at least ${length} bytes, found ${next.bytes}`);
    }
    this.#record = state;
    eraseRegion(this.#flash, next);
    let at = next.address + header.length;
    for (const bytes of records) {
      this.#flash.program(at, bytes);
      at += bytes.length;
    }
    this.#flash.program(next.address, header);
    this.#active = next;
    this.#at = at;
    this.#isFresh = false;
    this.#order = order;
    this.#generation = generation;
  }

  #encodeState(state: BootRecord, generation: number, { granuleBytes }: Region) {
    const records = snapshot(state).map((record, index) => this.#encode(record, (this.#order + index) >>> 0));
    const order = (this.#order + records.length) >>> 0;
    const header = encodeHeader({ generation, next: order }, granuleBytes);
    const length = records.reduce((sum, bytes) => sum + bytes.length, header.length);
    return { records, order, header, length };
  }

  #replay(ascending: readonly RegionContent[]): void {
    for (const { placed } of ascending) {
      for (const { record, order } of placed) {
        this.#record = apply(this.#record, record);
        this.#order = (order + 1) >>> 0;
      }
    }
  }

  #encode(record: JournalRecord, order: Placed['order']): Uint8Array {
    return encodeRecord({ record, order }, this.#active.granuleBytes);
  }

  #program(record: JournalRecord): void {
    const bytes = this.#encode(record, this.#order);
    const at = this.#at;
    // Behind a write that a cut tears, nothing more is appended: the position moves before the flash does.
    this.#at += bytes.length;
    this.#order = (this.#order + 1) >>> 0;
    this.#flash.program(at, bytes);
  }
}

/** Something was begun behind its header, in the same life: so the header is whole. */
function isProved({ header, placed }: RegionContent): boolean {
  const last = placed.at(-1);
  if (last === undefined || header === 'blank') return false;
  // No state is written with that word in it.
  if (header === 'damaged') return placed.some(({ record }) => record.name === 'settled');
  return !isAfter(header.next, last.order);
}

/**
 * The regions that count, the older first. Blank where the header goes: a power cut came before the records
 * were all there. But the other one was erased only when this one counted: where it is the last, it counts.
 */
function inOrder(regions: readonly RegionContent[]): readonly RegionContent[] {
  const complete = regions.filter(
    ({ header, placed }) => typeof header === 'object' || (header === 'damaged' && placed.length > 0),
  );
  const counting = complete.length > 0 ? complete : regions.filter(({ placed }) => placed.length > 0);
  return counting.toSorted((a, b) => (isNewer(a, b) ? 1 : -1));
}

function isNewer(a: RegionContent, b: RegionContent): boolean {
  if (typeof a.header === 'object' && typeof b.header === 'object') {
    return isAfter(a.header.generation, b.header.generation);
  }
  const [last, other] = [a.placed.at(-1), b.placed.at(-1)];
  if (last === undefined || other === undefined) return other === undefined;
  return isAfter(last.order, other.order);
}

/** Of the newest region; where its header is damaged, at least one above the other's. */
function generationOf(ascending: readonly RegionContent[]): number {
  return ascending.reduce(
    (last, { header }) => (typeof header === 'object' ? header.generation : (last + 1) >>> 0),
    0,
  );
}
