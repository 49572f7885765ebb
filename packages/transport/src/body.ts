/**
 * Bodies of exchanges. A body is a stream, because an image is never held whole; what is small and must be
 * held (an envelope, a report) is collected under a limit that the reader names.
 */
import type { Body } from './exchange.ts';
import { TransportError } from './transport-error.ts';

/** A body that is in memory already: a binding sends it in one piece and states its size. */
export interface BytesBody extends Body {
  readonly bytes: Uint8Array;
}

export function bytesBody(bytes: Uint8Array): BytesBody {
  return {
    bytes,
    async *[Symbol.asyncIterator]() {
      if (bytes.length > 0) yield bytes;
    },
  };
}

export const emptyBody: BytesBody = bytesBody(new Uint8Array(0));

/** The bytes of a body made by `bytesBody`, without reading it; undefined for a stream. */
export function wholeBytes(body: Body): Uint8Array | undefined {
  return 'bytes' in body && body.bytes instanceof Uint8Array ? body.bytes : undefined;
}

/**
 * What the other side sent, held whole (`receive` does the same for a request that we serve).
 * @throws {TransportError} `malformed` where it is longer than `limitBytes`; no more than that is ever kept.
 */
export async function collect(
  body: Body,
  limitBytes: number,
  refuse: (message: string) => Error = (message) => new TransportError('malformed', message),
): Promise<Uint8Array> {
  // One growing buffer: of a sender's one-byte chunks, a list would cost a hundred times their content.
  let buffer = new Uint8Array(0);
  let length = 0;
  for await (const chunk of body) {
    const end = length + chunk.length;
    if (end > limitBytes) throw refuse(tooLong(limitBytes, 'more'));
    if (end > buffer.length) {
      const larger = new Uint8Array(Math.min(limitBytes, Math.max(end, 2 * buffer.length)));
      larger.set(buffer.subarray(0, length));
      buffer = larger;
    }
    buffer.set(chunk, length);
    length = end;
  }
  return length === buffer.length ? buffer : buffer.slice(0, length);
}

export const tooLong = (limitBytes: number, found: string) =>
  `expected a body of at most ${limitBytes} bytes, found ${found}`;

/** Lets go of a body that nobody will read: its file is closed, its connection is free. */
export async function discard(body: Body): Promise<void> {
  if (isDestroyable(body)) body.destroy();
  else await body[Symbol.asyncIterator]().return?.();
}

/** A Readable, or what wraps one: its iterator would have to be started first before it could end it. */
const isDestroyable = (body: Body): body is Body & { destroy(): unknown } =>
  'destroy' in body && typeof body.destroy === 'function';
