/**
 * Uploads in sets of blocks (RFC 9177 §4.3), each a stream into the Handler: blocks may come in any order and
 * wait for their turn; a set is acknowledged when the Handler has taken it, and what is missing is asked for.
 */
import { Problem } from '../problem.ts';
import type { Clock } from '../system.ts';
import type { Block } from './block-option.ts';
import { blockBytes } from './block-option.ts';
import type { Answer, Sender } from './carrier.ts';
import { empty, responseCodes } from './code.ts';
import type { Handover } from './handover.ts';
import { handover } from './handover.ts';
import type { Content } from './message.ts';
import { optionValue, uintOption } from './option.ts';
import { missingBlocks, payloadsMax, quickOption, setEndOf, setsAheadMax } from './quick-block.ts';
import type { QuickTimes } from './quick-block.ts';
import type { Begin, UploadLimits } from './upload-server.ts';

/** One body on its way. */
interface Incoming<T> {
  readonly sender: string;
  readonly size: number;
  readonly szx: number;
  readonly last: number;
  readonly body: Handover;
  readonly stop: AbortController;
  readonly answer: Promise<T>;
  isAnswered: boolean;
  /** Blocks that are here and were not taken by the Handler. */
  readonly held: Map<number, Uint8Array>;
  /** The first block that is not here, and the first one that the Handler has not taken. */
  next: number;
  taken: number;
  isGiving: boolean;
  /** How often what is missing was asked for since a block came that was missing. */
  asked: number;
  /** Ends the patience of the block before. */
  patience: AbortController;
  readonly wakers: Set<() => void>;
}

export interface QuickPart {
  readonly request: Content;
  readonly sender: Sender;
  readonly key: string;
  readonly block: Block;
}

/** The Handler's answer, or what the server says of the blocks. */
export type QuickOutcome<T> = { readonly answer: T } | { readonly said: Answer };

export function serveQuickUploads<T>({
  clock,
  limits,
  times,
  onBug,
}: {
  readonly clock: Clock;
  readonly limits: UploadLimits;
  readonly times: QuickTimes;
  readonly onBug: (error: unknown) => void;
}): (part: QuickPart, begin: Begin<T>) => Promise<QuickOutcome<T>> {
  const bodies = new Map<string, Incoming<T>>();

  function begun({ request, sender, key, block }: QuickPart, begin: Begin<T>): Incoming<T> {
    const size = sizeOf(request);
    makeRoom(sender);
    const stop = new AbortController();
    const body = handover();
    const answer = begin(body, size, AbortSignal.any([stop.signal, sender.signal]));
    const incoming: Incoming<T> = {
      sender: sender.key,
      size,
      szx: block.szx,
      last: Math.max(0, Math.ceil(size / blockBytes(block.szx)) - 1),
      body,
      stop,
      answer,
      isAnswered: false,
      held: new Map(),
      next: 0,
      taken: 0,
      isGiving: false,
      asked: 0,
      patience: new AbortController(),
      wakers: new Set(),
    };
    bodies.set(key, incoming);
    const settled = () => {
      incoming.isAnswered = true;
      body.refuse();
      rouse(incoming);
    };
    answer.then(settled, settled);
    forgetLater(key, incoming, sender.signal).catch(onBug);
    return incoming;
  }

  /** What was answered is remembered for whoever did not hear it, as long as there is room. */
  function makeRoom(sender: Sender): void {
    const own = [...bodies].filter(([, one]) => one.sender === sender.key);
    const answered = (all: readonly [string, Incoming<T>][]) => all.find(([, one]) => one.isAnswered)?.[0];
    if (own.length >= limits.uploadsPerSenderMax) bodies.delete(answered(own) ?? '');
    if (bodies.size >= limits.uploadsMax) bodies.delete(answered([...bodies]) ?? '');
    const left = [...bodies.values()].filter((one) => one.sender === sender.key).length;
    if (bodies.size >= limits.uploadsMax || left >= limits.uploadsPerSenderMax)
      throw new Problem('unavailable', 'expected fewer uploads at once, found too many');
  }

  /** §7.2: NON_PARTIAL_TIMEOUT after its answer nobody repeats a block any more. */
  async function forgetLater(key: string, incoming: Incoming<T>, closed: AbortSignal): Promise<void> {
    await incoming.answer.catch(() => undefined);
    const signal = AbortSignal.any([incoming.stop.signal, closed]);
    await clock.sleep(times.partialMs, signal).catch(() => undefined);
    if (bodies.get(key) === incoming) bodies.delete(key);
  }

  function giveUp(key: string, incoming: Incoming<T>): void {
    bodies.delete(key);
    const found = `its sender fell silent before block ${incoming.next}`;
    const problem = new Problem('bad-request', `expected the whole body, found its beginning: ${found}`);
    incoming.body.fail(problem);
    incoming.stop.abort(problem);
  }

  /** Hands over what is next, one block after the other. */
  async function give(incoming: Incoming<T>): Promise<void> {
    if (incoming.isGiving) return;
    incoming.isGiving = true;
    for (;;) {
      const payload = incoming.held.get(incoming.taken);
      if (payload === undefined) break;
      const isLast = incoming.taken === incoming.last;
      const isWanted = await (isLast ? incoming.body.giveLast(payload) : incoming.body.give(payload));
      incoming.held.delete(incoming.taken);
      incoming.taken += 1;
      rouse(incoming);
      if (!isWanted) break;
    }
    incoming.isGiving = false;
  }

  /** §7.2: asks for what is missing when nothing more comes, ever more seldom, and gives up in the end. */
  async function* patient({ key, sender }: QuickPart, incoming: Incoming<T>): AsyncIterable<Content> {
    incoming.patience.abort(new Error('another block has come'));
    const own = new AbortController();
    incoming.patience = own;
    const signal = AbortSignal.any([own.signal, sender.signal]);
    while (!incoming.isAnswered && incoming.next <= incoming.last) {
      const waitMs = times.receiveMs * 2 ** Math.max(0, incoming.asked - 1);
      await clock.sleep(waitMs, signal).catch(() => undefined);
      if (signal.aborted || incoming.isAnswered) return;
      incoming.asked += 1;
      if (incoming.asked > times.attemptsMax) return giveUp(key, incoming);
      yield missingBlocks(missingOf(incoming));
    }
  }

  return async (part, begin) => {
    const { key, block, request } = part;
    const incoming = bodies.get(key) ?? begun(part, begin);
    const before = incoming.next;
    const isNew = put(incoming, block, request);
    give(incoming).catch(onBug);
    // A Handler that refuses says so at the first block, as it sees the size.
    if (block.number === 0 && isNew) await until(incoming, () => incoming.taken > 0);
    const setsBefore = Math.floor(before / payloadsMax);
    const whole = Math.floor(incoming.next / payloadsMax) * payloadsMax;
    const isSetWhole = whole > setsBefore * payloadsMax || (!isNew && block.number < whole);
    if (incoming.next > incoming.last || incoming.isAnswered) return { answer: await incoming.answer };
    // What the Handler has not taken is not acknowledged, so that nothing piles up.
    if (isSetWhole) await until(incoming, () => incoming.taken >= whole);
    if (incoming.isAnswered) return { answer: await incoming.answer };
    const further = patient(part, incoming);
    if (isSetWhole) return { said: { ...continued(whole - 1, block.szx), further } };
    // §7.2: a later set has begun, or its sender asks how it stands.
    const isOvertaking = isNew && block.number >= setEndOf(incoming.next) && incoming.asked === 0;
    if (!isOvertaking && isNew) return { said: { ...nothing, further } };
    incoming.asked = Math.max(1, incoming.asked);
    return { said: { ...missingBlocks(missingOf(incoming)), further } };
  };
}

const nothing: Content = { code: empty, options: [], payload: new Uint8Array(0) };

const continued = (number: number, szx: number): Content => ({
  code: responseCodes.continue,
  options: [quickOption('qBlock1', { number, more: true, szx })],
  payload: new Uint8Array(0),
});

function rouse({ wakers }: Incoming<unknown>): void {
  for (const wake of wakers) wake();
  wakers.clear();
}

async function until(incoming: Incoming<unknown>, isSo: () => boolean): Promise<void> {
  while (!incoming.isAnswered && !isSo())
    await new Promise<void>((resolve) => void incoming.wakers.add(resolve));
}

/** §4.3: both are in every block. @throws {Problem} */
function sizeOf({ options }: Content): number {
  const size = uintOption(options, 'size1');
  if (size === undefined || optionValue(options, 'requestTag') === undefined)
    throw new Problem(
      'bad-request',
      'expected Request-Tag and Size1 with Q-Block1, found one of them missing',
    );
  return size;
}

/** Keeps the block; whether it is one that was missing. @throws {Problem} where it is none of this body */
function put<T>(incoming: Incoming<T>, block: Block, request: Content): boolean {
  const { size, szx, last, held } = incoming;
  const { number, more } = block;
  const { payload } = request;
  const bytes = blockBytes(szx);
  const expected = Math.min(bytes, size - number * bytes);
  const isOne = block.szx === szx && sizeOf(request) === size && more === number < last;
  if (!isOne || payload.length !== expected)
    throw new Problem('bad-request', `expected a block of a body of ${size} bytes, found another`);
  // §4.3: what came before is not looked at again; what is far ahead comes again.
  if (number < incoming.next || held.has(number)) return false;
  if (number >= incoming.taken + setsAheadMax * payloadsMax) return true;
  held.set(number, payload);
  incoming.asked = 0;
  while (held.has(incoming.next)) incoming.next += 1;
  return true;
}

/** As many as a set has, up to the end of the first one's set or to the last block that is here. */
function missingOf<T>({ next, last, held }: Incoming<T>): readonly number[] {
  const end = Math.min(last, Math.max(setEndOf(next) - 1, ...held.keys()));
  const missing: number[] = [];
  for (let number = next; number <= end && missing.length < payloadsMax; number++)
    if (!held.has(number)) missing.push(number);
  return missing;
}
