/** An image, written front to back into its slot as it arrives, and gone on with after a restart. */

import { createDigest, equalInConstantTime } from '@lapel/cose';
import type { Lease, Memory } from './arena.ts';
import { hashStateBytes, lending, windowBytes, windows } from './arena.ts';
import { padded } from './flash.ts';
import type { SlotLayout } from './layout.ts';
import { Shortage } from './shortage.ts';
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

/** Programmed at once, in whole granules of any size up to this. */
const pieceBytesMax = 1024;

/** Working memory that an image takes on its way into a slot, and while it is compared there. */
export const writingBytes = pieceBytesMax + windowBytes + hashStateBytes;

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
  readonly #memory: Memory;
  readonly #slot: SlotLayout;
  readonly #onMark: (mark: Mark) => void;
  /** Bytes that wait until they are enough to be programmed. */
  readonly #pending: Uint8Array;
  readonly #lease: Lease;
  #pendingLength = 0;
  #written: number;
  /** Undefined once some of it could not be read back. */
  #prefix: Uint8Array | undefined;

  private constructor(memory: Memory, slot: SlotLayout, from: Mark, onMark: (mark: Mark) => void) {
    this.#memory = memory;
    this.#slot = slot;
    this.#onMark = onMark;
    this.#written = from.offset;
    this.#prefix = from.prefix;
    this.#pending = new Uint8Array(Math.min(pieceBytesMax, slot.image.pageBytes));
    this.#lease = memory.arena.take(this.#pending.length, 'a piece of an image');
  }

  static start(memory: Memory, slot: SlotLayout, onMark: (mark: Mark) => void): ImageWriter {
    return new ImageWriter(memory, slot, nothingWritten, onMark);
  }

  /** Goes on behind a mark, if what is in flash still hashes as it says; else undefined. */
  static resume(
    memory: Memory,
    slot: SlotLayout,
    mark: Mark,
    onMark: (mark: Mark) => void,
  ): ImageWriter | undefined {
    const every = markEveryBytes(slot);
    if (mark.offset % every !== 0 || mark.offset > slot.image.bytes) return undefined;
    const found = unlessFault(() => {
      let prefix = nothingWritten.prefix;
      for (let at = 0; at < mark.offset; at += every) prefix = chained(memory, slot, prefix, at, every);
      return prefix;
    });
    if (found === undefined || !equalInConstantTime(found, mark.prefix)) return undefined;
    return new ImageWriter(memory, slot, mark, onMark);
  }

  /** Bytes accepted so far: where a fetch goes on. */
  get offset(): number {
    return this.#written + this.#pendingLength;
  }

  /**
   * @throws {Shortage} where the image outgrows the slot; what was written stays as it is, and is not
   * bootable.
   */
  push(chunk: Uint8Array): void {
    if (this.offset + chunk.length > this.#slot.image.bytes) {
      const found = `expected an image of at most ${this.#slot.image.bytes} bytes, found more`;
      throw new Shortage('flash', found);
    }
    for (let at = 0; at < chunk.length;) {
      const taken = Math.min(chunk.length - at, this.#pending.length - this.#pendingLength);
      this.#pending.set(chunk.subarray(at, at + taken), this.#pendingLength);
      this.#pendingLength += taken;
      at += taken;
      if (this.#pendingLength === this.#pending.length) this.#writePiece();
    }
  }

  /** Writes what is pending and erases the rest of the slot. Returns the size of the image. */
  finish(): number {
    const size = this.offset;
    if (this.#pendingLength > 0) this.#writePiece();
    this.#lease.free();
    const { address, bytes, pageBytes } = this.#slot.image;
    for (let at = Math.ceil(size / pageBytes) * pageBytes; at < bytes; at += pageBytes) {
      this.#memory.erase(address + at);
    }
    return size;
  }

  #writePiece(): void {
    const { pageBytes, granuleBytes, address } = this.#slot.image;
    const piece = this.#pending.subarray(0, this.#pendingLength);
    if (this.#written % pageBytes === 0) this.#memory.erase(address + this.#written);
    this.#memory.program(address + this.#written, padded(piece, granuleBytes));
    this.#pendingLength = 0;
    this.#written += piece.length;
    const every = markEveryBytes(this.#slot);
    const before = this.#prefix;
    if (before === undefined || this.#written % every !== 0) return;
    const prefix = unlessFault(() => chained(this.#memory, this.#slot, before, this.#written - every, every));
    this.#prefix = prefix;
    // Without it there are no more marks: the manifest's image match finds out what was written.
    if (prefix !== undefined) this.#onMark({ offset: this.#written, prefix });
  }
}

function chained(
  memory: Memory,
  { image }: SlotLayout,
  prefix: Uint8Array,
  at: number,
  length: number,
): Uint8Array {
  return lending(memory, hashStateBytes, 'a digest', () => {
    const running = createDigest('sha-256');
    running.update(prefix);
    for (const window of windows(memory, image.address + at, length)) running.update(window);
    return running.finish();
  });
}
