/** An image, written front to back into its slot as it arrives, and gone on with after a restart. */

import { createDigest, equalInConstantTime } from '@lapel/cose';
import { SuitError } from '@lapel/suit';
import type { Flash } from './flash.ts';
import { padded, windows } from './flash.ts';
import type { SlotLayout } from './layout.ts';
import { unlessFault } from './slots.ts';

/**
 * How far a download had come: so many bytes are in flash. `prefix` chains them: the SHA-256 of the prefix
 * before and the bytes since, so that making a mark costs the same wherever it stands.
 */
export interface Mark {
  readonly offset: number;
  readonly prefix: Uint8Array;
}

const nothingWritten: Mark = { offset: 0, prefix: new Uint8Array(32) };

/** Between two marks, at least. */
const markEveryBytesMin = 8 * 1024;
/** In a slot, at most: each costs a record of the journal, and an update has 1 KiB for all of them. */
const marksMax = 5;

/** Between two marks, in whole pages: what is fetched again at most after a power cut. */
export function markEveryBytes({ image: { bytes, pageBytes } }: SlotLayout): number {
  const every = Math.max(markEveryBytesMin, bytes / (marksMax + 1));
  return Math.ceil(every / pageBytes) * pageBytes;
}

/**
 * Pages are erased as they are reached, granules programmed once; at each mark the owner is told, so that it
 * can remember where to go on.
 */
export class ImageWriter {
  readonly #flash: Flash;
  readonly #slot: SlotLayout;
  readonly #onMark: (mark: Mark) => void;
  /** Bytes that wait for their page to fill. */
  readonly #pending: Uint8Array;
  #pendingLength = 0;
  #written: number;
  #prefix: Uint8Array;

  private constructor(flash: Flash, slot: SlotLayout, from: Mark, onMark: (mark: Mark) => void) {
    this.#flash = flash;
    this.#slot = slot;
    this.#onMark = onMark;
    this.#written = from.offset;
    this.#prefix = from.prefix;
    this.#pending = new Uint8Array(slot.image.pageBytes);
  }

  static start(flash: Flash, slot: SlotLayout, onMark: (mark: Mark) => void): ImageWriter {
    return new ImageWriter(flash, slot, nothingWritten, onMark);
  }

  /** Goes on behind a mark, if what is in flash still hashes as it says; else undefined. */
  static resume(
    flash: Flash,
    slot: SlotLayout,
    mark: Mark,
    onMark: (mark: Mark) => void,
  ): ImageWriter | undefined {
    const every = markEveryBytes(slot);
    if (mark.offset % every !== 0 || mark.offset > slot.image.bytes) return undefined;
    const found = unlessFault(() => {
      let prefix = nothingWritten.prefix;
      for (let at = 0; at < mark.offset; at += every) prefix = chained(flash, slot, prefix, at, every);
      return prefix;
    });
    if (found === undefined || !equalInConstantTime(found, mark.prefix)) return undefined;
    return new ImageWriter(flash, slot, mark, onMark);
  }

  /** Bytes accepted so far: where a fetch goes on. */
  get offset(): number {
    return this.#written + this.#pendingLength;
  }

  /**
   * @throws {SuitError} where the image outgrows the slot; what was written stays as it is, and is not
   * bootable.
   */
  push(chunk: Uint8Array): void {
    if (this.offset + chunk.length > this.#slot.image.bytes) {
      const found = `expected an image of at most ${this.#slot.image.bytes} bytes, found more`;
      throw new SuitError('run', 'operation-failed', found);
    }
    for (let at = 0; at < chunk.length;) {
      const taken = Math.min(chunk.length - at, this.#pending.length - this.#pendingLength);
      this.#pending.set(chunk.subarray(at, at + taken), this.#pendingLength);
      this.#pendingLength += taken;
      at += taken;
      if (this.#pendingLength === this.#pending.length) this.#writePage();
    }
  }

  /** Writes what is pending and erases the rest of the slot. Returns the size of the image. */
  finish(): number {
    const size = this.offset;
    if (this.#pendingLength > 0) this.#writePage();
    const { address, bytes, pageBytes } = this.#slot.image;
    for (let at = this.#written; at < bytes; at += pageBytes) this.#flash.erase(address + at);
    return size;
  }

  #writePage(): void {
    const { pageBytes, granuleBytes, address } = this.#slot.image;
    const page = this.#pending.subarray(0, this.#pendingLength);
    this.#flash.erase(address + this.#written);
    this.#flash.program(address + this.#written, padded(page, granuleBytes));
    this.#pendingLength = 0;
    this.#written += pageBytes;
    const every = markEveryBytes(this.#slot);
    if (page.length < pageBytes || this.#written % every !== 0) return;
    this.#prefix = chained(this.#flash, this.#slot, this.#prefix, this.#written - every, every);
    this.#onMark({ offset: this.#written, prefix: this.#prefix });
  }
}

function chained(
  flash: Flash,
  { image }: SlotLayout,
  prefix: Uint8Array,
  at: number,
  length: number,
): Uint8Array {
  const running = createDigest('sha-256');
  running.update(prefix);
  for (const window of windows(flash, image.address + at, length)) running.update(window);
  return running.finish();
}
