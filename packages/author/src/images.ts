/** The images that a description names, read by digest: a manifest needs to know them, not to hold them. */

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { createDigest } from '@lapel/cose';

export interface ImageFigures {
  readonly sizeBytes: number;
  /** SHA-256. */
  readonly digest: Uint8Array;
}

export interface Images {
  /** In one pass, holding no more than a chunk. */
  measure(path: string): Promise<ImageFigures>;
  /** The whole image, for one that travels in the envelope, or not as it is. */
  read(path: string, limitBytes: number): Promise<Uint8Array>;
}

/** Somebody named an image that can't be used. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
}

/** @param directory what relative paths are relative to */
export function fileImages(directory: string): Images {
  const located = (path: string) => (isAbsolute(path) ? path : join(directory, path));
  return {
    async measure(path) {
      const running = createDigest('sha-256');
      let sizeBytes = 0;
      for await (const chunk of chunksOf(located(path))) {
        running.update(chunk);
        sizeBytes += chunk.length;
      }
      return { sizeBytes, digest: running.finish() };
    },
    async read(path, limitBytes) {
      const file = located(path);
      const chunks: Uint8Array[] = [];
      let sizeBytes = 0;
      for await (const chunk of chunksOf(file)) {
        sizeBytes += chunk.length;
        if (sizeBytes > limitBytes) {
          throw new ImageError(
            `expected an image of at most ${limitBytes} bytes to carry or to change, found more in ${file}`,
          );
        }
        chunks.push(chunk);
      }
      return new Uint8Array(Buffer.concat(chunks));
    },
  };
}

/** @throws {ImageError} where it is no file that can be read. */
async function* chunksOf(file: string): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    const found = await stat(file);
    if (!found.isFile()) throw new ImageError(`expected the image ${file} to be a file, found another thing`);
    for await (const chunk of createReadStream(file)) yield chunk as Uint8Array;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT')
      throw new ImageError(`expected the image ${file}, found no such file`, { cause: error });
    if (code === 'EACCES')
      throw new ImageError(`expected to read the image ${file}, found no permission`, { cause: error });
    throw error;
  }
}
