/** The images that a description names, read by digest: a manifest needs to know them, not to hold them. */

import type { FileHandle } from 'node:fs/promises';
import { open, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { createDigest } from '@lapel/cose';

export interface ImageFigures {
  readonly sizeBytes: number;
  /** SHA-256. */
  readonly digest: Uint8Array;
}

export interface Images {
  /** In one pass, holding no more than two chunks. */
  measure(path: string): Promise<ImageFigures>;
  /** The whole image, for one that travels in the envelope, or not as it is. */
  read(path: string, limitBytes: number): Promise<Uint8Array>;
}

/** Somebody named an image that can't be used. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
}

/** Called after each chunk, for whoever shows how far it is. */
export type Watching = (path: string, doneBytes: number, sizeBytes: number) => void;

/** Each read wakes a thread: at half a megabyte that costs a tenth of the hashing, at two it costs none. */
const chunkBytes = 2 * 1024 * 1024;

/** @param directory what relative paths are relative to */
export function fileImages(directory: string, watching: Watching = () => {}): Images {
  const located = (path: string) => (isAbsolute(path) ? path : join(directory, path));
  return {
    async measure(path) {
      const running = createDigest('sha-256');
      let sizeBytes = 0;
      await eachChunk(located(path), (chunk, fileBytes) => {
        running.update(chunk);
        sizeBytes += chunk.length;
        watching(path, sizeBytes, fileBytes);
      });
      return { sizeBytes, digest: running.finish() };
    },
    async read(path, limitBytes) {
      const file = located(path);
      const chunks: Uint8Array[] = [];
      let sizeBytes = 0;
      await eachChunk(file, (chunk, fileBytes) => {
        sizeBytes += chunk.length;
        if (Math.max(sizeBytes, fileBytes) > limitBytes) {
          const found = `found ${Math.max(sizeBytes, fileBytes)} in ${file}`;
          throw new ImageError(
            `expected a file of at most ${limitBytes} bytes to carry or to change, ${found}`,
          );
        }
        chunks.push(chunk.slice());
      });
      return new Uint8Array(Buffer.concat(chunks));
    },
  };
}

/**
 * While one chunk is worked on, the next one is read: reading costs no time of its own.
 * @param visit a chunk is valid until it returns
 * @throws {ImageError} where it is no file that can be read.
 */
async function eachChunk(file: string, visit: (chunk: Uint8Array, fileBytes: number) => void): Promise<void> {
  const handle = await opened(file);
  try {
    const { size: fileBytes } = await handle.stat();
    let [current, next] = [new Uint8Array(chunkBytes), new Uint8Array(chunkBytes)];
    let count = await readInto(handle, current);
    while (count > 0) {
      const reading = readInto(handle, next);
      try {
        visit(current.subarray(0, count), fileBytes);
      } finally {
        count = await reading;
      }
      [current, next] = [next, current];
    }
  } finally {
    await handle.close();
  }
}

const readInto = async (handle: FileHandle, chunk: Uint8Array): Promise<number> =>
  (await handle.read(chunk, 0, chunk.length)).bytesRead;

async function opened(file: string): Promise<FileHandle> {
  try {
    // Before it is opened: what is no file may have others wait for it.
    const found = await stat(file);
    const other = found.isDirectory() ? 'a folder' : 'another thing';
    if (!found.isFile()) throw new ImageError(`expected the image ${file} to be a file, found ${other}`);
    return await open(file);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT')
      throw new ImageError(`expected the image ${file}, found no such file`, { cause: error });
    if (code === 'EACCES')
      throw new ImageError(`expected to read the image ${file}, found no permission`, { cause: error });
    throw error;
  }
}
