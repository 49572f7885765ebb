/** Blobs in memory: for simulated worlds and tests. What is kept here ends with the process. */
import { bytesBody } from '@lapel/transport';
import { measure, shareOf } from './blob-writing.ts';
import type { Blobs } from './blobs.ts';
import { partOf } from './blobs.ts';

export function memoryBlobs({ limitBytes }: { readonly limitBytes: number }): Blobs {
  const bytesByDigest = new Map<string, Uint8Array>();
  const room = { limitBytes, usedBytes: 0 };
  return {
    async put(body, expectedDigest) {
      const share = shareOf(room);
      const chunks: Uint8Array[] = [];
      try {
        // Copied, because a chunk belongs to whoever made it.
        const blob = await measure(
          body,
          expectedDigest,
          share,
          async (chunk) => void chunks.push(chunk.slice()),
        );
        if (!bytesByDigest.has(blob.digest)) {
          bytesByDigest.set(blob.digest, Buffer.concat(chunks));
          share.keep();
        }
        return blob;
      } finally {
        share.release();
      }
    },

    async get(digest, range) {
      const bytes = bytesByDigest.get(digest);
      if (bytes === undefined) return undefined;
      const { start, length } = partOf(bytes.length, range);
      return { size: bytes.length, start, length, body: bytesBody(bytes.subarray(start, start + length)) };
    },

    async sizeOf(digest) {
      return bytesByDigest.get(digest)?.length;
    },
  };
}
