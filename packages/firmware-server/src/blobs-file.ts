/**
 * Blobs as files, `sha256/ab/cdef…`: immutable, so that they can be copied by rsync and served by any CDN.
 * A blob is visible once it is whole, digested and synced; of an upload that ended early nothing is ever
 * seen.
 */
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Body, Random } from '@lapel/transport';
import { emptyBody, systemRandom } from '@lapel/transport';
import { measure, shareOf } from './blob-writing.ts';
import type { Blobs } from './blobs.ts';
import { isDigest, partOf } from './blobs.ts';
import { makeFolder, sweepPartial, writeDurably } from './durable-file.ts';

export interface FileBlobsOptions {
  /** All blobs together. A disk that is full before then is told of in the same words. */
  readonly limitBytes: number;
  readonly random?: Random;
  /** Whether other processes put blobs there, too. */
  readonly isShared?: boolean;
}

/** Opens the folder, and clears away what a killed process has left in it. */
export async function fileBlobs(
  folder: string,
  { limitBytes, random = systemRandom, isShared = false }: FileBlobsOptions,
): Promise<Blobs> {
  const incoming = join(folder, 'incoming');
  const kept = join(folder, 'sha256');
  for (const each of [incoming, kept]) await makeFolder(each);
  await sweepPartial(incoming, isShared);
  const room = { limitBytes, usedBytes: await usedBytes(kept) };
  /** Kept by this process: of two uploads of one blob at once, only the first takes room. */
  const counted = new Set<string>();
  const pathOf = (digest: string) => join(kept, digest.slice(0, 2), digest.slice(2));
  const sizeOf = async (digest: string) => (isDigest(digest) ? fileSize(pathOf(digest)) : undefined);

  return {
    sizeOf,

    async put(body, expectedDigest) {
      const share = shareOf(room);
      let isNew = false;
      try {
        const blob = await writeDurably(
          incoming,
          random,
          (handle) => measure(body, expectedDigest, share, (chunk) => handle.appendFile(chunk)),
          async ({ digest }) => {
            isNew = (await sizeOf(digest)) === undefined;
            return isNew ? pathOf(digest) : undefined;
          },
        );
        if (isNew && !counted.has(blob.digest)) {
          counted.add(blob.digest);
          share.keep();
        }
        return blob;
      } finally {
        share.release();
      }
    },

    async get(digest, range) {
      const size = await sizeOf(digest);
      if (size === undefined) return undefined;
      const { start, length } = partOf(size, range);
      return {
        size,
        start,
        length,
        body: length === 0 ? emptyBody : readPart(pathOf(digest), start, length),
      };
    },
  };
}

/** A few system calls for an image, and little enough that a thousand downloads at once fit into memory. */
const readBytes = 256 * 1024;

function readPart(path: string, start: number, length: number): Body {
  const stream = createReadStream(path, { start, end: start + length - 1, highWaterMark: readBytes });
  // Whoever reads the stream is told by the reading; one who has not begun yet must not end the process.
  stream.on('error', () => undefined);
  return stream;
}

async function fileSize(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function usedBytes(kept: string): Promise<number> {
  let total = 0;
  for (const group of await readdir(kept)) {
    for (const name of await readdir(join(kept, group)))
      total += (await fileSize(join(kept, group, name))) ?? 0;
  }
  return total;
}
