/**
 * Blobs: bytes named by their SHA-256 digest. The name makes every copy as good as the origin (RFC 9019
 * §3.2), and a blob that has once been written never changes. The firmware server keeps envelopes and
 * payloads in one; a gateway will keep its cache in one. `test/blobs-suite.ts` says what each of them has
 * to do.
 */
import type { Body, Request } from '@lapel/transport';

export interface Blobs {
  /**
   * Keeps what the body brings, all of it or nothing.
   * @throws {Problem} `unprocessable` where its digest is not the expected one, `storage-full`
   */
  put(body: Body, expectedDigest?: string): Promise<Blob>;
  /** The whole, or the wanted part as far as it exists. Undefined where nothing has this digest. */
  get(digest: string, range?: Request['range']): Promise<ReadableBlob | undefined>;
  /** Bytes of the whole, without opening it. */
  sizeOf(digest: string): Promise<number | undefined>;
}

export interface Blob {
  /** 64 hex digits, lower case. */
  readonly digest: string;
  readonly size: number;
}

export interface ReadableBlob {
  /** Of the whole. */
  readonly size: number;
  /** What the body brings. A length of 0 after a range means that the range lies beyond the end. */
  readonly start: number;
  readonly length: number;
  /** Whoever does not read it to its end discards it. */
  readonly body: Body;
}

/** Outside of this pattern nothing is a digest, and nothing becomes part of a file name. */
export const isDigest = (text: string): boolean => /^[0-9a-f]{64}$/.test(text);

/** The part of `size` bytes that a range names, cut at the end. */
export function partOf(
  size: number,
  range: Request['range'],
): { readonly start: number; readonly length: number } {
  if (range === undefined) return { start: 0, length: size };
  const end = Math.min(range.end ?? size - 1, size - 1);
  return { start: range.start, length: Math.max(0, end - range.start + 1) };
}
