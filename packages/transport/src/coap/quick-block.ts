/**
 * What both sides of a quick transfer share (RFC 9177): blocks that are sent without waiting for each, in
 * sets, and asked for again where they are missing. Its numbers are those of §7.2, Table 3.
 */
import { CborError, Reader, Writer } from '@lapel/cbor';
import type { Block } from './block-option.ts';
import type { Content } from './message.ts';
import { responseCodes } from './code.ts';
import type { Option } from './option.ts';
import { optionTable, readUint, uint, uintOption } from './option.ts';
import { missingBlocksFormat } from './content-format.ts';
import type { Transmission } from './transmission.ts';
import type { Random } from '../system.ts';

/** MAX_PAYLOADS: a set, which both sides count alike. */
export const payloadsMax = 10;
/** Sets that may be under way, and kept, while nothing is heard of the other side: 40 KiB. */
export const setsAheadMax = 4;

export interface QuickTimes {
  /** NON_TIMEOUT_RANDOM: between two sets, unless the other side says that it has the first. */
  readonly pauseMs: number;
  /** NON_RECEIVE_TIMEOUT: how long missing blocks are waited for, the first time. */
  readonly receiveMs: number;
  /** NON_MAX_RETRANSMIT: how often they are asked for. */
  readonly attemptsMax: number;
  /** NON_PARTIAL_TIMEOUT. */
  readonly partialMs: number;
}

export function quickTimes(transmission: Transmission, random: Random): QuickTimes {
  const { ackTimeoutMs, ackRandomFactor, maxRetransmit, maxLatencyMs } = transmission;
  return {
    pauseMs: ackTimeoutMs * (1 + random.fraction() * (ackRandomFactor - 1)),
    receiveMs: 2 * ackTimeoutMs,
    attemptsMax: maxRetransmit,
    partialMs: ackTimeoutMs * (2 ** maxRetransmit - 1) * ackRandomFactor + 2 * maxLatencyMs + ackTimeoutMs,
  };
}

/** §4.2: the structure of the Block options, in options of their own. */
export const quickOption = (name: 'qBlock1' | 'qBlock2', { number, more, szx }: Block): Option =>
  uint(name, number * 16 + (more ? 8 : 0) + szx);

/** Those in the message, in their order; `malformed` where a size is the reserved one. */
export function readQuick(
  options: readonly Option[],
  name: 'qBlock1' | 'qBlock2',
): readonly Block[] | 'malformed' {
  const blocks: Block[] = [];
  for (const { number, value } of options) {
    if (number !== optionTable[name].number) continue;
    const bits = readUint(value);
    if ((bits & 7) === 7) return 'malformed';
    blocks.push({ number: bits >>> 4, more: (bits & 8) !== 0, szx: bits & 7 });
  }
  return blocks;
}

/** The first number behind the set that this block is in. */
export const setEndOf = (number: number): number => (Math.floor(number / payloadsMax) + 1) * payloadsMax;

/** §5: a sequence of numbers, without an array around them. */
export function missingBlocks(numbers: readonly number[]): Content {
  const writer = new Writer();
  for (const number of numbers) writer.int(number);
  return {
    code: responseCodes.requestEntityIncomplete,
    options: [uint('contentFormat', missingBlocksFormat)],
    payload: writer.finish(),
  };
}

/** The numbers that the other side misses; undefined where the answer does not say so, or not properly. */
export function readMissing({ code, options, payload }: Content): readonly number[] | undefined {
  if (code !== responseCodes.requestEntityIncomplete) return undefined;
  if (uintOption(options, 'contentFormat') !== missingBlocksFormat) return undefined;
  try {
    const reader = new Reader(payload);
    const numbers: number[] = [];
    while (!reader.done) {
      const number = reader.uint();
      // §5: in ascending order, and none twice; other answers are dropped.
      if (number <= (numbers.at(-1) ?? -1)) return undefined;
      numbers.push(number);
    }
    return numbers;
  } catch (error) {
    if (error instanceof CborError) return undefined;
    throw error;
  }
}
