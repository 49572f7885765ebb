/**
 * One transfer from upstream, however many want its content: it is written to the disk, and all of them read
 * what is there and wait for the rest. Its last byte is kept back until the whole is proven, so that nobody
 * ever gets to the end of something else.
 */
import type { Body, Response } from '@lapel/transport';
import { TransportError } from '@lapel/transport';
import { heldBody } from './held-body.ts';
import type { Obtaining, Upstream } from './obtain.ts';
import { obtain } from './obtain.ts';

export type TransferOptions = Omit<Obtaining, 'onAsking' | 'onBytes' | 'isRead'>;

export interface Transfer {
  /** Resolves as soon as there is an answer for those who wait. @throws {TransportError} */
  readonly begun: Promise<Begun>;
  /** The bytes from `start` to before `end`, as they arrive. */
  read(start: number, end: number): Body;
  /** Who is asked for it at this moment; undefined before anybody is. */
  from(): Upstream | undefined;
  /** It is proven, or failed; never rejects. */
  readonly ended: Promise<void>;
}

export type Begun =
  | { readonly as: 'content'; readonly total: number | undefined }
  | { readonly as: 'refusal'; readonly response: Response }
  | { readonly as: 'no-room' };

/** What is shorter is handed out only when it is whole and proven: then a lie is seen by nobody. */
const wholeBytesMax = 64 * 1024;
const pieceBytes = 64 * 1024;

export function startTransfer(options: TransferOptions): Transfer {
  const { arrival } = options;
  const begun = Promise.withResolvers<Begun>();
  let news = Promise.withResolvers<void>();
  let state: 'arriving' | 'proven' | 'failed' = 'arriving';
  let isRead = false;
  let from: Upstream | undefined;
  const tell = () => {
    const told = news;
    news = Promise.withResolvers();
    told.resolve();
  };
  const begin = (total: number | undefined) => {
    isRead = true;
    begun.resolve({ as: 'content', total });
  };

  async function run(): Promise<void> {
    try {
      const end = await obtain({
        ...options,
        isRead: () => isRead,
        onAsking: (upstream) => (from = upstream),
        onBytes(total) {
          if (!isRead && (total ?? arrival.size) > wholeBytesMax) begin(total);
          tell();
        },
      });
      state = end === 'proven' ? 'proven' : 'failed';
      if (end === 'proven') begin(arrival.size);
      else begun.resolve(end === 'no-room' ? { as: 'no-room' } : { as: 'refusal', response: end });
    } catch (error) {
      state = 'failed';
      begun.reject(error);
    } finally {
      tell();
      arrival.release();
    }
  }

  async function* bytes(start: number, end: number): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = start; at < end;) {
      const readable = state === 'proven' ? arrival.size : arrival.size - 1;
      const length = Math.min(end, readable) - at;
      if (state === 'failed') throw cutShort(at);
      if (length > 0) {
        const piece = await arrival.read(at, Math.min(length, pieceBytes));
        at += piece.length;
        yield piece;
      } else if (state === 'proven') return;
      else await news.promise;
    }
  }

  // Whoever waits for it is told; where nobody does, it is no news.
  begun.promise.catch(() => undefined);
  return {
    begun: begun.promise,
    from: () => from,
    ended: run(),
    read: (start, end) => heldBody(arrival, bytes(start, end)),
  };
}

const cutShort = (at: number) =>
  new TransportError('no-answer', `expected the rest from upstream, found nothing behind byte ${at}`);
