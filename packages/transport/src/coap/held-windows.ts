/**
 * Windows of bodies that somebody is in the middle of, the oldest given up first; and the blocks out of
 * them.
 */
import type { Clock } from '../system.ts';
import type { Block } from './block-option.ts';
import { blockBytes, blockOption, szxBert, szxMax, szxWithin } from './block-option.ts';
import type { Sender } from './carrier.ts';
import { classOf } from './code.ts';
import type { Content } from './message.ts';
import { inOrder, optionsLength } from './message.ts';
import { uint } from './option.ts';
import { Problem } from '../problem.ts';
import type { Window } from './window.ts';

export { windowBytes } from './window.ts';

export interface HeldWindows {
  hold(key: string, window: Window): void;
  /** The one that has the whole block at `offset`. */
  find(key: string, offset: number, bytes: number): Window | undefined;
}

export function heldWindows(
  clock: Clock,
  limits: { readonly heldBytesMax: number; readonly idleMsMax: number },
): HeldWindows {
  const byKey = new Map<string, { readonly window: Window; readonly atMs: number }>();
  let held = 0;

  const drop = (key: string): void => {
    held -= byKey.get(key)?.window.bytes.length ?? 0;
    byKey.delete(key);
  };

  return {
    hold(key, window) {
      drop(key);
      const now = clock.monotonicMs();
      byKey.set(key, { window, atMs: now });
      held += window.bytes.length;
      for (const [oldest, { atMs }] of byKey) {
        if (held <= limits.heldBytesMax && now - atMs < limits.idleMsMax) break;
        drop(oldest);
      }
    },
    find(key, offset, bytes) {
      const found = byKey.get(key);
      if (found === undefined) return undefined;
      const { window, atMs } = found;
      if (clock.monotonicMs() - atMs >= limits.idleMsMax) {
        drop(key);
        return undefined;
      }
      const end = window.start + window.bytes.length;
      const has = offset >= window.start && (offset + bytes <= end || (end === window.total && offset < end));
      return has ? window : undefined;
    },
  };
}

/** RFC 8323 §6: of so many bytes, whole blocks of 1024, and at the end of the body what is left of it. */
function bertBytesOf(left: number, isEnd: boolean, most = blockBytes(szxBert)): number {
  const whole = isEnd ? left : left - (left % blockBytes(szxBert));
  return Math.min(most, whole);
}

/** One block of a window, with its options; without any where it is the whole (RFC 7959 §2.2). */
export function sliceOf(
  { head, start, bytes, total }: Window,
  wanted: Block | undefined,
  { answerBytesMax = Infinity, bertBytes }: Sender,
  wantsSize: boolean,
): Content {
  // A failure is one message, whichever block was asked for.
  if (classOf(head.code) !== 2) return { ...head, options: inOrder(head.options), payload: bytes };
  const number = wanted?.number ?? 0;
  const isAlone = start === 0 && total === bytes.length && number === 0;
  const smallest = Math.min(blockBytes(wanted?.szx ?? szxMax), answerBytesMax);
  if (isAlone && bytes.length <= blockBytes(szxMax)) {
    const fits = bytes.length <= smallest && optionsLength(head.options, bytes) <= answerBytesMax;
    if (fits) return { ...head, options: inOrder(head.options), payload: bytes };
  }
  // Room for the options of the block: four bytes for Block2, six for Size2.
  const room = answerBytesMax - optionsLength(head.options, bytes.subarray(0, 1)) - 10;
  const szx = wanted?.szx === szxBert ? szxBert : Math.min(wanted?.szx ?? szxMax, szxWithin(room));
  const offset = number * blockBytes(wanted?.szx ?? szx);
  const left = bytes.length - (offset - start);
  const isEnd = start + bytes.length === total;
  const most = szx === szxBert ? bertBytesOf(left, isEnd, bertBytes) : blockBytes(szx);
  const payload = bytes.subarray(offset - start, offset - start + most);
  if (offset > 0 && payload.length === 0)
    throw new Problem(
      'range-not-satisfiable',
      `expected a block within ${total ?? start} bytes, found another`,
    );
  const more = total === undefined ? true : offset + payload.length < total;
  const block = { number: offset / blockBytes(szx), more, szx };
  const isFirst = offset === 0 || wantsSize;
  return {
    code: head.code,
    options: inOrder([
      ...head.options,
      blockOption('block2', block),
      ...(isFirst && total !== undefined ? [uint('size2', total)] : []),
    ]),
    payload,
  };
}
