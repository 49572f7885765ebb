/**
 * A firmware server's payloads without a folder: the resource that a device fetches from, and no other. Its
 * first answers may be wrong in their last byte, as those of a cache with bad memory are.
 */

import { hex } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import type { Handler } from '@lapel/transport';
import { bytesBody } from '@lapel/transport';

const nothing = () => bytesBody(new Uint8Array());

export function servedFromMemory(payloads: readonly Uint8Array[], wrongAnswers = 0): Handler {
  let wrong = wrongAnswers;
  const byPath = new Map(payloads.map((bytes) => [`/payloads/${hex(digest('sha-256', bytes))}`, bytes]));
  return async ({ path, range }) => {
    const right = byPath.get(path);
    if (right === undefined) return { status: 'not-found', body: nothing() };
    const bytes = wrong-- > 0 ? right.with(right.length - 1, (right.at(-1) ?? 0) ^ 1) : right;
    const [total, start] = [bytes.length, range?.start ?? 0];
    if (start === 0) return { status: 'ok', size: total, body: bytesBody(bytes) };
    if (start >= total) return { status: 'range-not-satisfiable', range: { start, total }, body: nothing() };
    return { status: 'partial', range: { start, total }, body: bytesBody(bytes.subarray(start)) };
  };
}
