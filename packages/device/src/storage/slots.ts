/**
 * A slot's content in flash: the envelope that vouches for the image, and the image, written as it arrives.
 */

import type { DigestAlgorithm } from '@lapel/cose';
import { createDigest, equalInConstantTime } from '@lapel/cose';
import { SuitError } from '@lapel/suit';
import type { Flash } from './flash.ts';
import { eraseRegion, isBlank, padded, windows } from './flash.ts';
import type { SlotLayout } from './layout.ts';

/** Writes the envelope into its place. The caller has checked that it fits. */
export function writeEnvelope(flash: Flash, { envelope }: SlotLayout, bytes: Uint8Array): void {
  if (bytes.length > envelope.bytes) {
    throw new RangeError(`expected an envelope of at most ${envelope.bytes} bytes, found ${bytes.length}`);
  }
  eraseRegion(flash, envelope);
  flash.program(envelope.address, padded(bytes, envelope.granuleBytes));
}

export const readStoredEnvelope = (flash: Flash, { envelope }: SlotLayout, length: number): Uint8Array =>
  flash.read(envelope.address, Math.min(length, envelope.bytes));

/** The digest of the first `sizeBytes` of the image. */
export function imageDigest(
  flash: Flash,
  { image }: SlotLayout,
  sizeBytes: number,
  algorithm: DigestAlgorithm,
): Uint8Array {
  const running = createDigest(algorithm);
  for (const window of windows(flash, image.address, sizeBytes)) running.update(window);
  return running.finish();
}

/** REQ.SEC.IMG.COMPLETE_DIGEST: nothing lies behind the image that a digest over it would not cover. */
export function isBlankBehind(flash: Flash, { image }: SlotLayout, sizeBytes: number): boolean {
  const { granuleBytes } = image;
  const end = Math.ceil(sizeBytes / granuleBytes) * granuleBytes;
  const padding = flash.read(image.address + sizeBytes, end - sizeBytes);
  return padding.every((byte) => byte === 0xff) && isBlank(flash, image.address + end, image.bytes - end);
}

/**
 * How far a download had come: so many bytes are in flash. `prefix` chains them: the SHA-256 of the prefix
 * before and the `markEveryBytes` since, so that making a mark costs the same wherever it stands.
 */
export interface Mark {
  readonly offset: number;
  readonly prefix: Uint8Array;
}

const nothingWritten: Mark = { offset: 0, prefix: new Uint8Array(32) };

/** Between two marks: what is fetched again at most after a power cut. */
export const markEveryBytes = 8 * 1024;

/**
 * Writes an image front to back. Pages are erased as they are reached, granules programmed once; after every
 * `markEveryBytes` the owner is told, so that it can remember where to go on.
 */
export class ImageWriter {
  readonly #flash: Flash;
  readonly #slot: SlotLayout;
  readonly #onMark: (mark: Mark) => void;
  /** Bytes that wait for their granule to fill, one page at most. */
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
    const step = Math.max(markEveryBytes, slot.image.pageBytes);
    if (mark.offset % step !== 0 || mark.offset > slot.image.bytes) return undefined;
    let prefix = nothingWritten.prefix;
    for (let at = 0; at < mark.offset; at += step) prefix = chained(flash, slot, prefix, at, step);
    return equalInConstantTime(prefix, mark.prefix) ? new ImageWriter(flash, slot, mark, onMark) : undefined;
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
    const { pageBytes } = this.#slot.image;
    for (let at = this.#written; at < this.#slot.image.bytes; at += pageBytes) {
      this.#flash.erase(this.#slot.image.address + at);
    }
    return size;
  }

  #writePage(): void {
    const { pageBytes, granuleBytes } = this.#slot.image;
    const address = this.#slot.image.address + this.#written;
    const page = this.#pending.subarray(0, this.#pendingLength);
    this.#flash.erase(address);
    this.#flash.program(address, padded(page, granuleBytes));
    this.#pendingLength = 0;
    this.#written += pageBytes;
    const step = Math.max(markEveryBytes, pageBytes);
    if (page.length < pageBytes || this.#written % step !== 0) return;
    this.#prefix = chained(this.#flash, this.#slot, this.#prefix, this.#written - step, step);
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
