/** Images that a test holds in memory, by path. */

import { digest } from '@lapel/cose';
import type { Images } from '@lapel/author';
import { ImageError } from '@lapel/author';

export function memoryImages(imagesByPath: Readonly<Record<string, Uint8Array>>): Images {
  const found = async (path: string): Promise<Uint8Array> => {
    const image = imagesByPath[path];
    if (image === undefined) throw new ImageError(`expected the image ${path}, found none`);
    return image;
  };
  return {
    measure: async (path) => {
      const image = await found(path);
      return { sizeBytes: image.length, digest: digest('sha-256', image) };
    },
    read: (path) => found(path),
  };
}

export const imageOf = (text: string): Uint8Array => new TextEncoder().encode(text);
