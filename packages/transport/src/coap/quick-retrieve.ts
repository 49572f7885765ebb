/**
 * A body that comes in sets of blocks without a request for each (RFC 9177 §4.4), over a link that is slow to
 * answer or loses much. What is missing of a set is asked for; the next set is asked for when one is whole.
 */
import type { Body } from '../exchange.ts';
import { TransportError } from '../transport-error.ts';
import { blockBytes } from './block-option.ts';
import { isBareAcknowledgement } from './burst.ts';
import type { Burst } from './carrier.ts';
import type { Content } from './message.ts';
import { inOrder } from './message.ts';
import { payloadsMax, quickOption, readQuick, setEndOf, setsAheadMax } from './quick-block.ts';
import type { QuickTimes } from './quick-block.ts';
import { uintOption } from './option.ts';
import { requireSame } from './same-version.ts';

export interface QuickRetrieval {
  readonly burst: Burst;
  /** What each request for a part of this body repeats. */
  readonly base: Content;
  readonly times: QuickTimes;
  /** The first answer that came; it need not be the first block. */
  readonly first: Content;
  readonly szx: number;
  /** The block that the body begins with. */
  readonly start: number;
}

/** The size of the whole body, which every block tells (§4.6). @throws {TransportError} where none is told */
export function quickSizeOf({ options }: Content): number {
  const size = uintOption(options, 'size2');
  if (size === undefined) throw new TransportError('malformed', 'expected the size of the body, found none');
  return size;
}

/**
 * The body from the block `start` on; it is closed by whoever does not read it to its end.
 * @throws {TransportError} where the rest of it does not come
 */
export function quickBody(retrieval: QuickRetrieval): Body & { destroy(): void } {
  const iterator = blocksOf(retrieval);
  return { [Symbol.asyncIterator]: () => iterator, destroy: () => retrieval.burst.close() };
}

async function* blocksOf({ burst, base, times, first, szx, start }: QuickRetrieval) {
  const size = quickSizeOf(first);
  const end = Math.ceil(size / blockBytes(szx));
  const blocks = arriving({ first, szx, size, start });
  const ask = (wanted: readonly { number: number; more: boolean }[]) => {
    const options = wanted.map((one) => quickOption('qBlock2', { ...one, szx }));
    burst.send({ ...base, options: inOrder([...base.options, ...options]) });
  };
  try {
    for (let from = start; from < end;) {
      const to = Math.min(setEndOf(from), end);
      await whole(from, to);
      // §7.2: the server goes on at once when it hears that the set is whole.
      if (to < end) ask([{ number: to, more: true }]);
      for (; from < to; from++) yield blocks.take(from);
    }
  } finally {
    burst.close();
  }

  /** Until the blocks of one set are here. */
  async function whole(from: number, to: number): Promise<void> {
    let attempts = 0;
    let isAsked = false;
    for (let missing = blocks.missing(from, to); missing.length > 0; missing = blocks.missing(from, to)) {
      const content = await burst.receive(times.receiveMs * 2 ** Math.max(0, attempts - 1));
      const number = content === undefined ? undefined : blocks.put(content, from);
      if (number !== undefined && number < to) attempts = 0;
      // §7.2: the next set has begun, so what is missing of this one was lost.
      const isOvertaken = number !== undefined && number >= to && !isAsked;
      if (content !== undefined && !isOvertaken) continue;
      if (content === undefined) attempts += 1;
      if (attempts > times.attemptsMax)
        throw new TransportError(
          'no-answer',
          `expected block ${missing[0]}, found none in ${attempts} waits`,
        );
      isAsked = true;
      const isNothing = missing.length === to - from && from % payloadsMax === 0;
      ask(isNothing ? [{ number: from, more: true }] : missing.map((one) => ({ number: one, more: false })));
    }
  }
}

interface Size {
  readonly size: number;
}

/** Blocks that are here, in any order. */
function arriving({ first, szx, size, start }: Omit<QuickRetrieval, 'burst' | 'base' | 'times'> & Size) {
  const bytes = blockBytes(szx);
  const held = new Map<number, Uint8Array>();

  /** Keeps a block; its number, or undefined where it is none that was wanted. */
  function put(content: Content, from: number): number | undefined {
    if (isBareAcknowledgement(content)) return undefined;
    requireSame(content, first);
    const { options, payload } = content;
    const blocks = readQuick(options, 'qBlock2');
    const [block] = blocks === 'malformed' ? [] : blocks;
    if (block === undefined || block.szx !== szx)
      throw new TransportError('malformed', `expected a block of ${bytes} bytes, found another`);
    const expected = Math.min(bytes, size - block.number * bytes);
    if (payload.length !== expected)
      throw new TransportError(
        'malformed',
        `expected ${Math.max(0, expected)} bytes in block ${block.number}, found ${payload.length}`,
      );
    // §4.4: what is here already is not looked at again; what is far ahead has no place yet.
    if (block.number < from || block.number >= from + setsAheadMax * payloadsMax) return undefined;
    if (!held.has(block.number)) held.set(block.number, payload);
    return block.number;
  }

  put(first, start);
  return {
    put,
    missing: (from: number, to: number): readonly number[] =>
      Array.from({ length: to - from }, (_, at) => from + at).filter((number) => !held.has(number)),
    take(number: number): Uint8Array {
      const payload = held.get(number);
      if (payload === undefined) throw new RangeError(`expected block ${number}, found none`);
      held.delete(number);
      return payload;
    },
  };
}
