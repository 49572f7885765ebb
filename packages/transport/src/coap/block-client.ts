/**
 * The side of block-wise transfers that asks (RFC 7959): any carrier of contents becomes a Handler. A body is
 * asked for block by block, as its reader wants it, and uploaded as it comes; nothing is held whole.
 */
import { discard, emptyBody, wholeBytes } from '../body.ts';
import type { Body, Handler, Request, Response } from '../exchange.ts';
import type { Random } from '../system.ts';
import { TransportError } from '../transport-error.ts';
import type { Block } from './block-option.ts';
import {
  blockBytes,
  blockNumberMax,
  blockOption,
  isItsSize,
  offsetOf,
  readBlock,
  szxBert,
  szxMax,
} from './block-option.ts';
import type { Ask, OpenBurst } from './carrier.ts';
import { methodCodes, responseCodes } from './code.ts';
import type { Content } from './message.ts';
import { inOrder } from './message.ts';
import type { Option } from './option.ts';
import { optionValue, uint, uintOption } from './option.ts';
import { forOrigin } from './proxy.ts';
import { beginQuickly, checkedAnswer, quickly, uploadEitherWay } from './quick-client.ts';
import type { Quick } from './quick-client.ts';
import { quickSizeOf } from './quick-retrieve.ts';
import { requestToOptions } from './request-options.ts';
import { requireSame } from './same-version.ts';
import type { Transmission } from './transmission.ts';
import { transmissionDefaults } from './transmission.ts';
import { contentToFailure, contentToResponse, wholeResponse } from './response-options.ts';

export interface BlockClientOptions {
  readonly random: Random;
  /** 0 to 6: no block is larger than 2^(szx + 4) bytes, for links whose frames are small. */
  readonly szx?: number;
  /** Where it is given, blocks are sent in sets (RFC 9177) to servers that understand that. */
  readonly burst?: OpenBurst | undefined;
  readonly transmission?: Transmission;
  /** What blocks of one message may weigh together, once both sides have said that they speak BERT. */
  readonly bertBytes?: (() => number | undefined) | undefined;
  /** Who the server asks for us (RFC 7252 §5.7.2); absent where it is the origin itself. */
  readonly origin?: URL | undefined;
}

export function blockClient(ask: Ask, options: BlockClientOptions): Handler {
  const { random, szx = szxMax, burst, transmission = transmissionDefaults, origin } = options;
  const { bertBytes = noBert } = options;
  const proxied = origin === undefined ? [] : forOrigin(origin);
  const asked = checked(ask);
  const quick = burst === undefined ? undefined : quickly(burst, transmission, random);
  return async (request) => {
    const { signal } = request;
    signal.throwIfAborted();
    const base: Content = {
      code: methodCodes[request.method],
      options: [...requestToOptions(request), ...proxied],
      payload: new Uint8Array(0),
    };
    if (request.method === 'GET') {
      await discard(request.body);
      return retrieve({ ask: asked, base, signal, szx, quick, bertBytes }, request);
    }
    const operation = { ask: asked, base, signal, szx, quick, bertBytes };
    const wanted = szx === szxMax ? [] : [blockOption('block2', { number: 0, more: false, szx })];
    const whole = wholeBytes(request.body);
    if (whole !== undefined && whole.length <= blockBytes(szx))
      return answered(operation, await askFor(operation, wanted, whole));
    const { answer, options } = await uploadEitherWay({ ...operation, random, wanted }, request);
    return answered({ ...operation, base: { ...base, options } }, answer);
  };
}

/** One request, as its further blocks repeat it (§2.4). */
interface Operation {
  readonly ask: Ask;
  readonly base: Content;
  readonly signal: AbortSignal;
  readonly szx: number;
  readonly quick?: Quick | undefined;
  readonly bertBytes: () => number | undefined;
}

const noBert = () => undefined;

/** A notification, whose first block is here (§2.6). */
export function observedResponse(
  first: Content,
  base: Content,
  ask: Ask,
  signal: AbortSignal,
  { szx = szxMax, bertBytes = noBert }: BlockClientOptions,
): Response {
  return answered({ ask: checked(ask), base, signal, szx, bertBytes }, first);
}

const checked =
  (ask: Ask): Ask =>
  async (request, signal) =>
    checkedAnswer(await ask(request, signal));

async function retrieve(operation: Operation, { range }: Request): Promise<Response> {
  const { szx } = operation;
  const start = range?.start ?? 0;
  const number = Math.floor(start / blockBytes(szx));
  if (number > blockNumberMax) return unreachableRange(start);
  const { quick } = operation;
  const begun = quick?.isUnderstood === true ? await beginQuickly(quick, operation, number) : undefined;
  if (begun?.body !== undefined)
    return quickResponse(begun.first, begun.body, number * blockBytes(szx), range);
  // A small answer needs no option; who wants a part, or smaller blocks, says so (§2.4). Size2 asks how much
  // there is (§4).
  const isPlain = range === undefined && szx === szxMax;
  const wanted = [blockOption('block2', { number, more: false, szx }), uint('size2', 0)];
  let first = begun?.first ?? (await askFor(operation, isPlain ? [] : wanted));
  // RFC 9175 §2.4: cut small for an address that is not proven. With the proof, larger blocks come.
  const isCut = optionValue(first.options, 'echo') !== undefined && readSzx(first) < szx;
  if (isCut) first = await askFor(operation, wanted);
  if (first.code !== responseCodes.content) return answered(operation, first, start);
  if (range === undefined) return answered(operation, first);
  const total = totalOf(first);
  if (total === undefined) {
    // Who does not say how much there is, leaves nothing to go on with: the whole is the answer, as it may be
    // to any range (RFC 9110 §14.2).
    return number === 0 ? answered(operation, first) : retrieve(operation, { range: undefined } as Request);
  }
  if (start >= total) return { ...contentToResponse(first), ...behindEnd(start, total) };
  const position = number * blockBytes(szx);
  return partialResponse(first, blocksFrom(operation, first, position), position, total, range);
}

type Range = NonNullable<Request['range']>;

/** What of a body that begins at `position` was asked for. */
function partialResponse(
  first: Content,
  from: Body,
  position: number,
  total: number,
  range: Range,
): Response {
  const { start } = range;
  const end = Math.min(range.end ?? total - 1, total - 1);
  const size = end - start + 1;
  const body = within(from, start - position, size);
  return { ...contentToResponse(first), status: 'partial', size, range: { start, total }, body };
}

function quickResponse(
  first: Content,
  body: Body & { destroy(): void },
  position: number,
  range: Range | undefined,
): Response {
  const total = quickSizeOf(first);
  if (range === undefined) return { ...contentToResponse(first), size: total, body };
  const response = partialResponse(first, body, position, total, range);
  return { ...response, body: Object.assign(response.body, { destroy: () => body.destroy() }) };
}

const askFor = (
  { ask, base, signal }: Operation,
  options: readonly Option[],
  payload = base.payload,
): Promise<Content> => ask({ ...base, options: inOrder([...base.options, ...options]), payload }, signal);

/** A block that is alone and says nothing of others is the whole (§2.2). */
function totalOf({ options, payload }: Content): number | undefined {
  const size = uintOption(options, 'size2');
  if (size !== undefined) return size;
  const block = readBlock(options, 'block2');
  if (block === undefined) return payload.length;
  if (block === 'malformed' || block.more) return undefined;
  return offsetOf(block) + payload.length;
}

function readSzx({ options }: Content): number {
  const block = readBlock(options, 'block2');
  return block === undefined || block === 'malformed' ? szxMax : block.szx;
}

const behindEnd = (start: number, total: number) =>
  ({ status: 'range-not-satisfiable', size: 0, range: { start, total }, body: emptyBody }) as const;

/** RFC 7959 §2.2: a block's number has 20 bits, so that a body ends at a gigabyte. */
const unreachableRange = (start: number): Response =>
  behindEnd(start, (blockNumberMax + 1) * blockBytes(szxMax));

/** The response that this content begins, or is. */
function answered(operation: Operation, first: Content, start = 0): Response {
  const block = readBlock(first.options, 'block2');
  if (first.code >>> 5 !== 2) {
    const failure = contentToFailure(first);
    const total = uintOption(first.options, 'size2');
    if (failure.status !== 'range-not-satisfiable' || total === undefined) return failure;
    return { ...failure, range: { start, total } };
  }
  if (first.code === responseCodes.valid) return { ...contentToResponse(first), size: 0, body: emptyBody };
  if (block === undefined) return wholeResponse(first);
  const size = totalOf(first);
  return { ...contentToResponse(first), size, body: blocksFrom(operation, first, 0) };
}

/** The body from the block at `position` on. @throws {TransportError} where the rest of it does not come */
async function* blocksFrom(operation: Operation, first: Content, position: number): Body {
  let at = position;
  let content = first;
  for (;;) {
    const bertBytes = operation.bertBytes();
    const { more, szx: found } = blockAt(content, at, bertBytes);
    // RFC 8323 §6: a stream's first answer comes behind what the other side says of itself.
    const szx = found === szxMax && operation.szx === szxMax && bertBytes !== undefined ? szxBert : found;
    yield content.payload;
    if (!more) return;
    at += content.payload.length;
    const number = at / blockBytes(szx);
    if (number > blockNumberMax) throw new TransportError('malformed', 'expected the last block, found more');
    content = await askFor(operation, [blockOption('block2', { number, more: false, szx })]);
    requireSame(content, first);
  }
}

function blockAt({ options, payload }: Content, at: number, bertBytes: number | undefined): Block {
  const block = readBlock(options, 'block2', bertBytes !== undefined) ?? {
    number: 0,
    more: false,
    szx: szxMax,
  };
  if (block === 'malformed' || offsetOf(block) !== at)
    throw new TransportError('malformed', `expected the block at byte ${at}, found another`);
  // §2.3: a last block, and a whole body without the option, may be of any size that fits.
  const isSound =
    block.more || block.szx === szxBert
      ? isItsSize(block, payload.length, bertBytes)
      : payload.length <= blockBytes(szxMax);
  if (!isSound)
    throw new TransportError('malformed', `expected a block of its own size, found ${payload.length} bytes`);
  return block;
}

async function* within(body: Body, skip: number, size: number): Body {
  let before = skip;
  let left = size;
  for await (const chunk of body) {
    const piece = chunk.subarray(Math.min(before, chunk.length)).subarray(0, left);
    before = Math.max(0, before - chunk.length);
    left -= piece.length;
    if (piece.length > 0) yield piece;
    if (left === 0) return;
  }
  throw new TransportError('no-answer', `expected ${size} bytes of the body, found ${size - left}`);
}
