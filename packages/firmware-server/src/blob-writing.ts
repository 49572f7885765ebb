/**
 * The one way in which bytes become a blob, wherever it is kept: counted, digested, compared, and only then
 * seen.
 */
import { createDigest } from '@lapel/cose';
import type { Body } from '@lapel/transport';
import { Problem } from '@lapel/transport';
import type { Blob } from './blobs.ts';

/** Room in a store, shared by all who write at once. */
export interface Room {
  readonly limitBytes: number;
  usedBytes: number;
}

/** What one of them has taken of it. */
export interface Share {
  /** @throws {Problem} `storage-full` */
  take(bytes: number): void;
  /** It is kept now: it stays taken. */
  keep(): void;
  /** Gives back what is not kept. */
  release(): void;
}

export function shareOf(room: Room): Share {
  let taken = 0;
  return {
    take(bytes) {
      if (room.usedBytes + bytes > room.limitBytes) throw full(`room within ${room.limitBytes} bytes`);
      room.usedBytes += bytes;
      taken += bytes;
    },
    keep() {
      taken = 0;
    },
    release() {
      room.usedBytes -= taken;
      taken = 0;
    },
  };
}

/**
 * Hands every chunk to `write`, in order, once there is room for it.
 * @throws {Problem} `storage-full`, or `unprocessable` where the digest is not the expected one
 */
export async function measure(
  body: Body,
  expectedDigest: string | undefined,
  share: Share,
  write: (chunk: Uint8Array) => Promise<void>,
): Promise<Blob> {
  const running = createDigest('sha-256');
  let size = 0;
  for await (const chunk of body) {
    share.take(chunk.length);
    size += chunk.length;
    running.update(chunk);
    await write(chunk);
  }
  const digest = Buffer.from(running.finish()).toString('hex');
  if (expectedDigest !== undefined && digest !== expectedDigest) {
    throw new Problem('unprocessable', `expected content with the digest ${expectedDigest}, found ${digest}`);
  }
  return { digest, size };
}

export const full = (expected: string, cause?: unknown) =>
  new Problem('storage-full', `expected ${expected}, found the storage full`, { cause });
