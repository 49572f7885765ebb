/**
 * Quick blocks where the server understands them, and one block after the other where it does not (RFC 9177
 * §4.1): what was told once is remembered for as long as the client lives.
 */
import { wholeBytes } from '../body.ts';
import type { Body, Request } from '../exchange.ts';
import type { Random } from '../system.ts';
import { TransportError } from '../transport-error.ts';
import { blockBytes } from './block-option.ts';
import { uploadInBlocks } from './block-upload.ts';
import type { Uploaded } from './block-upload.ts';
import { isBareAcknowledgement } from './burst.ts';
import type { Ask, Burst, OpenBurst } from './carrier.ts';
import { responseCodes } from './code.ts';
import type { Content } from './message.ts';
import { inOrder } from './message.ts';
import { option, optionValue, understood } from './option.ts';
import type { Option } from './option.ts';
import { piecesOf } from './pieces.ts';
import { quickOption, quickTimes, readQuick } from './quick-block.ts';
import type { QuickTimes } from './quick-block.ts';
import { quickBody } from './quick-retrieve.ts';
import { uploadQuickly } from './quick-upload.ts';
import type { Transmission } from './transmission.ts';

export interface Quick {
  readonly open: OpenBurst;
  readonly times: QuickTimes;
  /** How long an answer to the first request may take. */
  readonly answerMsMax: number;
  isUnderstood: boolean;
}

export const quickly = (open: OpenBurst, transmission: Transmission, random: Random): Quick => ({
  open: (signal) => checkedBurst(open(signal)),
  times: quickTimes(transmission, random),
  answerMsMax: transmission.answerMsMax,
  isUnderstood: true,
});

/** RFC 7252 §5.4.1: an answer that demands what nobody here knows is none. @throws {TransportError} */
export function checkedAnswer<Answer extends Content>(answer: Answer): Answer {
  const { options, critical } = understood(answer.options);
  if (critical === undefined) return { ...answer, options };
  throw new TransportError('malformed', `expected options that are understood, found option ${critical}`);
}

const checkedBurst = (burst: Burst): Burst => ({
  ...burst,
  async receive(withinMs) {
    const answer = await burst.receive(withinMs);
    return answer === undefined ? undefined : checkedAnswer(answer);
  },
});

export interface Begun {
  readonly first: Content;
  /** From the block that was asked for on; absent where the answer has no quick blocks. */
  readonly body: (Body & { destroy(): void }) | undefined;
}

/** The beginning of an answer; undefined where the server does not understand the question. */
export async function beginQuickly(
  quick: Quick,
  { base, signal, szx }: { readonly base: Content; readonly signal: AbortSignal; readonly szx: number },
  number: number,
): Promise<Begun | undefined> {
  const burst = quick.open(signal);
  let isOpen = false;
  try {
    const wanted = quickOption('qBlock2', { number, more: true, szx });
    const asked = { ...base, options: inOrder([...base.options, wanted]) };
    let first = await confirmed(quick, burst, asked);
    if (first.code === responseCodes.badOption) {
      quick.isUnderstood = false;
      return undefined;
    }
    // RFC 9175 §2.4: cut small for an address that is not proven. With the proof, larger blocks come.
    const isCut = optionValue(first.options, 'echo') !== undefined && (szxOf(first) ?? szx) < szx;
    if (isCut) first = await confirmed(quick, burst, asked);
    const found = szxOf(first);
    if (first.code !== responseCodes.content || found === undefined) return { first, body: undefined };
    const start = (number * blockBytes(szx)) / blockBytes(found);
    isOpen = true;
    return { first, body: quickBody({ burst, base, times: quick.times, first, szx: found, start }) };
  } finally {
    if (!isOpen) burst.close();
  }
}

function szxOf({ options }: Content): number | undefined {
  const blocks = readQuick(options, 'qBlock2');
  return blocks === 'malformed' ? undefined : blocks[0]?.szx;
}

/** §4.1: confirmably, as only then whoever does not understand it says so. */
async function confirmed({ answerMsMax }: Quick, burst: Burst, request: Content): Promise<Content> {
  burst.send(request, true);
  for (;;) {
    const answer = await burst.receive(answerMsMax);
    if (answer === undefined)
      throw new TransportError('no-answer', `expected an answer within ${answerMsMax} ms, found none`);
    if (!isBareAcknowledgement(answer)) return answer;
  }
}

export interface EitherUpload {
  readonly ask: Ask;
  readonly base: Content;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly szx: number;
  readonly wanted: readonly Option[];
  readonly quick: Quick | undefined;
}

const tagBytes = 4;

/** A body goes to the server, one way or the other. */
export async function uploadEitherWay(upload: EitherUpload, request: Request): Promise<Uploaded> {
  const { base, random, quick, signal } = upload;
  const pieces = piecesOf(request.body);
  // RFC 9175 §3: a block that was delayed on its way is no part of another body.
  const options = inOrder([...base.options, option('requestTag', random.bytes(tagBytes))]);
  const size = sizeOf(request);
  try {
    if (quick?.isUnderstood === true && size !== undefined) {
      const burst = quick.open(signal);
      try {
        const given = { ...upload, base: { ...base, options }, burst, times: quick.times, size };
        const answer = await uploadQuickly(given, pieces);
        if (answer !== undefined) return { answer, options };
        quick.isUnderstood = false;
      } finally {
        burst.close();
      }
    }
    return await uploadInBlocks({ ...upload, options, size }, pieces);
  } finally {
    await pieces.stop();
  }
}

/** Of the body, where it is known and can be told (RFC 7959 §4). */
function sizeOf({ body, headers }: Request): number | undefined {
  const declared = wholeBytes(body)?.length ?? Number(headers['content-length'] ?? NaN);
  return Number.isSafeInteger(declared) && declared < 2 ** 32 ? declared : undefined;
}
