/**
 * A body that is uploaded in sets of blocks, none of which is answered for itself (RFC 9177 §4.3). The server
 * says what it misses, and when it has a whole set; until then its blocks are kept.
 */
import { TransportError } from '../transport-error.ts';
import { blockBytes } from './block-option.ts';
import { isBareAcknowledgement } from './burst.ts';
import type { Burst } from './carrier.ts';
import { responseCodes } from './code.ts';
import type { Content } from './message.ts';
import { inOrder } from './message.ts';
import { uint } from './option.ts';
import type { Pieces } from './pieces.ts';
import { payloadsMax, quickOption, readMissing, readQuick, setsAheadMax } from './quick-block.ts';
import type { QuickTimes } from './quick-block.ts';

export interface QuickUpload {
  readonly burst: Burst;
  /** With the tag that all blocks of this body have (RFC 9175 §3). */
  readonly base: Content;
  readonly times: QuickTimes;
  readonly szx: number;
  /** Of the body, exactly (§4.6). */
  readonly size: number;
}

interface Held {
  readonly payload: Uint8Array;
  readonly more: boolean;
}

/**
 * The answer to the whole, or the one that made the rest superfluous; undefined where the server knows
 * nothing of such blocks: what was taken of the body is then given back.
 * @throws {TransportError} where no answer comes
 */
export async function uploadQuickly(upload: QuickUpload, pieces: Pieces): Promise<Content | undefined> {
  const { burst, base, szx, size } = upload;
  const held = new Map<number, Held>();
  let next = 0;
  let isLast = false;

  function send(number: number, isConfirmable = false): void {
    const block = held.get(number);
    if (block === undefined) return;
    const { payload, more } = block;
    const told = [quickOption('qBlock1', { number, more, szx }), uint('size1', size)];
    burst.send({ ...base, options: inOrder([...base.options, ...told]), payload }, isConfirmable);
  }

  /** Takes the next block of the body; whether there was one. */
  async function take(): Promise<boolean> {
    if (isLast) return false;
    const { bytes: payload, more } = await pieces.next(blockBytes(szx));
    held.set(next, { payload, more });
    next += 1;
    isLast = !more;
    return true;
  }

  async function sendSet(): Promise<void> {
    const end = next - (next % payloadsMax) + payloadsMax;
    while (next < end && (await take())) send(next - 1);
  }

  // §4.1: the first one asks whether the server understands, so it must arrive.
  await take();
  send(0, true);
  const answer = await negotiated(upload);
  if (answer?.code === responseCodes.badOption) {
    pieces.takeBack(held.get(0)?.payload ?? new Uint8Array(0), 0);
    return undefined;
  }
  if (answer !== undefined) return answer;
  await sendSet();
  return conversation(upload, {
    acknowledge: (number) => {
      for (const one of held.keys()) if (one <= number) held.delete(one);
    },
    isAhead: () => held.size > 0 && !isLast && next - (held.keys().next().value ?? 0) < windowMax,
    isSetOver: (number) => number === next - 1,
    resend: (numbers) => numbers.slice(0, payloadsMax).forEach((number) => send(number)),
    sendSet,
    probe: () => send(next - 1),
  });
}

const windowMax = setsAheadMax * payloadsMax;

/** Undefined where the server goes on. */
async function negotiated({ burst, times }: QuickUpload): Promise<Content | undefined> {
  const answer = await burst.receive(times.partialMs);
  if (answer === undefined)
    throw new TransportError('no-answer', 'expected an acknowledgement of the first block, found none');
  const isGoingOn = isBareAcknowledgement(answer) || answer.code === responseCodes.continue;
  return isGoingOn || readMissing(answer) !== undefined ? undefined : answer;
}

interface Sending {
  acknowledge(number: number): void;
  /** Whether a further set may go out before the ones before it are acknowledged. */
  isAhead(): boolean;
  /** Whether this is the last block that was sent. */
  isSetOver(number: number): boolean;
  resend(numbers: readonly number[]): void;
  sendSet(): Promise<void>;
  probe(): void;
}

/** §7.2: what the server says of the blocks, until it says something of the body. */
async function conversation({ burst, times }: QuickUpload, sending: Sending): Promise<Content> {
  let silent = 0;
  for (;;) {
    const answer = await burst.receive(silent === 0 ? times.pauseMs : times.receiveMs * 2 ** (silent - 1));
    if (answer === undefined) {
      silent += 1;
      if (silent > times.attemptsMax)
        throw new TransportError(
          'no-answer',
          `expected an answer to the body, found none in ${silent} waits`,
        );
      if (sending.isAhead()) await sending.sendSet();
      // §4.3: to a block that it has, the server answers as it did the first time.
      else sending.probe();
      continue;
    }
    if (isBareAcknowledgement(answer)) continue;
    const missing = readMissing(answer);
    if (missing !== undefined) sending.resend(missing);
    else if (answer.code === responseCodes.continue) {
      const blocks = readQuick(answer.options, 'qBlock1');
      const [block] = blocks === 'malformed' ? [] : blocks;
      if (block === undefined) continue;
      sending.acknowledge(block.number);
      if (sending.isSetOver(block.number)) await sending.sendSet();
    } else return answer;
    silent = 0;
  }
}
