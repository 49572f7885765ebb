/** A part of a body in memory, out of which blocks are cut. */
import { joined } from '@lapel/cose';
import { wholeBytes } from '../body.ts';
import type { Response } from '../exchange.ts';
import type { Content } from './message.ts';

/** Read at once: a file is opened once for 64 blocks. */
export const windowBytes = 64 * 1024;

export interface Window {
  readonly head: Omit<Content, 'payload'>;
  readonly contentType: string | undefined;
  /** Where in the body it begins. */
  readonly start: number;
  readonly bytes: Uint8Array;
  /** Of the body; undefined where nobody knows and more may follow. */
  readonly total: number | undefined;
}

/**
 * From the body of a response, which begins where its range says, the part from `offset` on. A Handler that
 * knows no ranges sends the whole, and what is before is read for nothing.
 */
export async function takeWindow(
  response: Response,
  head: Omit<Content, 'payload'>,
  offset: number,
): Promise<Window> {
  const { body, contentType, range, size } = response;
  const start = range?.start ?? 0;
  const whole = wholeBytes(body);
  const known = range?.total ?? whole?.length ?? size;
  if (whole !== undefined) {
    const bytes = whole.subarray(offset - start);
    return { head, contentType, start: offset, bytes, total: known };
  }
  const parts: Uint8Array[] = [];
  let skip = offset - start;
  let length = 0;
  let isWhole = true;
  for await (const chunk of body) {
    const part = chunk.subarray(Math.min(skip, chunk.length));
    skip -= chunk.length - part.length;
    if (part.length > 0) parts.push(part);
    length += part.length;
    if (length > windowBytes) {
      isWhole = false;
      break;
    }
  }
  const isEnd = isWhole && response.status !== 'partial';
  const total = known ?? (isEnd ? offset + length : undefined);
  return { head, contentType, start: offset, bytes: joined(...parts), total };
}
