/**
 * A slot's content in flash: the envelope that vouches for the image, and the image. What cannot be read does
 * not match.
 */

import type { DigestAlgorithm } from '@lapel/cose';
import { createDigest } from '@lapel/cose';
import { SuitError } from '@lapel/suit';
import type { Flash } from './flash.ts';
import type { Memory } from './arena.ts';
import { hashStateBytes, lending, windows } from './arena.ts';
import { FlashFault, eraseRegion, isErased, padded, readable } from './flash.ts';
import type { SlotLayout } from './layout.ts';

/** Writes the envelope into its place. The caller has checked that it fits. */
export function writeEnvelope(flash: Flash, { envelope }: SlotLayout, bytes: Uint8Array): void {
  if (bytes.length > envelope.bytes) {
    throw new RangeError(`expected an envelope of at most ${envelope.bytes} bytes, found ${bytes.length}`);
  }
  eraseRegion(flash, envelope);
  flash.program(envelope.address, padded(bytes, envelope.granuleBytes));
}

/** @throws {SuitError} where flash cannot be read. */
export function readStoredEnvelope(flash: Flash, { envelope }: SlotLayout, length: number): Uint8Array {
  const stored = readable(flash, envelope.address, Math.min(length, envelope.bytes));
  if (stored !== undefined) return stored;
  throw new SuitError('parse', 'operation-failed', 'expected a stored envelope, found flash unreadable');
}

/** The digest of the first `sizeBytes` of the image; undefined where flash cannot be read. */
export function imageDigest(
  memory: Memory,
  { image }: SlotLayout,
  sizeBytes: number,
  algorithm: DigestAlgorithm,
): Uint8Array | undefined {
  const running = createDigest(algorithm);
  return lending(memory, hashStateBytes, 'a digest', () =>
    unlessFault(() => {
      for (const window of windows(memory, image.address, sizeBytes)) running.update(window);
      return running.finish();
    }),
  );
}

/** REQ.SEC.IMG.COMPLETE_DIGEST: nothing lies behind the image that a digest over it would not cover. */
export function isBlankBehind(flash: Memory, { image }: SlotLayout, sizeBytes: number): boolean {
  const end = Math.ceil(sizeBytes / image.granuleBytes) * image.granuleBytes;
  const isBlankThere = unlessFault(() => {
    const padding = flash.read(image.address + sizeBytes, end - sizeBytes);
    return padding.every((byte) => byte === 0xff) && isBlank(flash, image.address + end, image.bytes - end);
  });
  return isBlankThere ?? false;
}

/** Whether a region holds nothing. */
function isBlank(memory: Memory, address: number, length: number): boolean {
  for (const window of windows(memory, address, length)) if (!isErased(window)) return false;
  return true;
}

/** Undefined where flash could not be read. */
export function unlessFault<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof FlashFault) return undefined;
    throw error;
  }
}
