/**
 * The side of block-wise transfers that responds (RFC 7959): a Handler behind any carrier of contents. A body
 * is read from the Handler in windows, by its ranges, and an upload is handed to it as it comes.
 */
import { discard, emptyBody } from '../body.ts';
import type { Handler, Method, Request, Response } from '../exchange.ts';
import { Problem, problemResponse } from '../problem.ts';
import type { Clock } from '../system.ts';
import { blockBytes, blockOption, offsetOf, readBlock } from './block-option.ts';
import type { Block } from './block-option.ts';
import type { Answer, Respond, Sender } from './carrier.ts';
import { classOf, methodOf, responseCodes } from './code.ts';
import { problemFormat } from './content-format.ts';
import { entityTagToOption, optionToEntityTag, rememberedTags } from './entity-tag.ts';
import type { Content } from './message.ts';
import { inOrder } from './message.ts';
import { notifying } from './observe-server.ts';
import type { Subscribe } from './observe-server.ts';
import type { Option } from './option.ts';
import { optionTable, optionValue, uint, uintOption, understood, without } from './option.ts';
import { conciseProblem, unprocessedOption } from './problem-details.ts';
import { isAcceptable, operationKey, optionsToTarget, targetToRequest } from './request-options.ts';
import type { Target } from './request-options.ts';
import { responseToOptions } from './response-options.ts';
import { oneHopFurther } from './hop-limit.ts';
import { failureCodeOf, proxiedFor } from './proxy.ts';
import type { Proxy } from './proxy.ts';
import { isQuickRequest, serveQuickly } from './quick-server.ts';
import type { QuickTimes } from './quick-block.ts';
import type { Begin } from './upload-server.ts';
import { serveUploads } from './upload-server.ts';
import { takeWindow } from './window.ts';
import type { Window } from './window.ts';
import { heldWindows, sliceOf, windowBytes } from './held-windows.ts';

/** For a server of devices. */
export const blockServerLimits = {
  /** Windows of bodies that somebody is in the middle of. */
  heldBytesMax: 16 * 1024 * 1024,
  /** Uploads at once, and of one sender. */
  uploadsMax: 256,
  uploadsPerSenderMax: 4,
  /**
   * RFC 7959 §2.4, §2.5: EXCHANGE_LIFETIME after its last block, whoever stopped asking or sending is gone.
   */
  idleMsMax: 247_000,
} as const;

export type BlockServerLimits = { readonly [limit in keyof typeof blockServerLimits]: number };

export interface BlockServerOptions {
  readonly clock: Clock;
  readonly limits?: Partial<BlockServerLimits>;
  /** What may be observed; nothing where it is absent. */
  readonly subscribe?: Subscribe;
  /** Where it is given, blocks go in sets to clients that want that (RFC 9177), and come in sets. */
  readonly quick?: QuickTimes;
  /** Asks who sent a request, at an address that is proven; absent where requests go one way only. */
  readonly askBack?: (address: string) => Handler;
  /** Makes requests for others (RFC 7252 §5.7.2); absent in what is no proxy. */
  readonly proxy?: Proxy;
  readonly onBug: (error: unknown) => void;
}

/** What is asked, and who answers it. */
interface Routed extends Target {
  readonly serve: Handler;
}

export function blockServer(handler: Handler, options: BlockServerOptions): Respond {
  const { clock, onBug, subscribe, proxy, quick: times, askBack } = options;
  const provenSender = ({ provenAddress: address }: Sender): Request['sender'] =>
    address === undefined || askBack === undefined
      ? undefined
      : { origin: `coap://${address}`, ask: async (request) => askBack(address)(request) };
  const limits = { ...blockServerLimits, ...options.limits };
  const windows = heldWindows(clock, limits);
  const tags = rememberedTags();

  /** RFC 7252 §5.7.2, §5.10.2: ours, or an origin's behind us; undefined where nothing leads there. */
  function routed(given: readonly Option[]): Routed | undefined {
    const target = optionsToTarget(given);
    const proxied = proxiedFor(given);
    if (proxied === undefined) return { ...target, serve: handler };
    const origin = proxy?.(proxied.origin);
    if (origin === undefined) return undefined;
    return { ...target, ...proxied.own, serve: async (request) => origin(oneHopFurther(request)) };
  }

  /** The part of a response's body that the block begins. */
  async function windowOf(
    response: Response,
    given: Request,
    tagged: readonly string[],
    offset: number,
  ): Promise<Window> {
    if (response.etag !== undefined) tags.remember(response.etag);
    if (response.status === 'valid' || isCurrent(response, tagged)) return validOf(response, given, tagged);
    const { code, options } = responseToOptions(response, given.method);
    if (classOf(code) !== 2) {
      const total = response.range?.total;
      const size = total === undefined ? [] : [uint('size2', total)];
      return whole({ code, options: [...options, ...size], payload: await conciseProblem(response) });
    }
    return takeWindow(response, { code, options }, offset);
  }

  async function retrieve(
    request: Content,
    sender: Sender,
    method: Method,
    target: Routed,
    block: Block | undefined,
  ): Promise<Content> {
    const key = operationKey(sender.key, request.code, request.options);
    const offset = block === undefined ? 0 : offsetOf(block);
    const wantsSize = optionValue(request.options, 'size2') !== undefined;
    const held = offset > 0 ? windows.find(key, offset, blockBytes(block?.szx ?? 0)) : undefined;
    if (held !== undefined) return sliceOf(held, block, sender, wantsSize);
    // RFC 7959 §2.7: of an answer to a change there is no second one.
    if (offset > 0 && method !== 'GET') return plain(responseCodes.requestEntityIncomplete);
    const { tags: given, accept } = target;
    const asked = targetToRequest(method, target, {
      body: emptyBody,
      size: undefined,
      peer: sender.peer,
      signal: sender.signal,
      ifNoneMatch: given.length === 1 ? tags.whole(given[0] ?? '') : undefined,
      range: offset === 0 ? undefined : { start: offset, end: offset + windowBytes - 1 },
    });
    const window = await windowOf(await target.serve(asked), asked, given, offset);
    if (!isAcceptable(accept, window.contentType)) return plain(responseCodes.notAcceptable);
    return kept(key, window, block, sender, wantsSize);
  }

  /** What does not fit into one message is kept for the requests that will ask for the rest of it. */
  function kept(key: string, window: Window, block: Block | undefined, sender: Sender, wantsSize: boolean) {
    const content = sliceOf(window, block, sender, wantsSize);
    if (content.payload.length < window.bytes.length) windows.hold(key, window);
    return content;
  }

  /** RFC 7641 §4.1; undefined where the resource is not observed: the request is then a plain one. */
  async function observe(
    request: Content,
    sender: Sender,
    target: Routed,
    block: Block | undefined,
  ): Promise<Answer | undefined> {
    const stop = new AbortController();
    const asked = targetToRequest('GET', target, {
      body: emptyBody,
      size: undefined,
      peer: sender.peer,
      signal: AbortSignal.any([sender.signal, stop.signal]),
      // RFC 7641 §3.3.1: who observes anew, and knows the state, is told that it is still that.
      ifNoneMatch: target.tags.length === 1 ? tags.whole(target.tags[0] ?? '') : undefined,
      range: undefined,
    });
    const source = subscribe?.(asked);
    if (source === undefined) return undefined;
    const key = operationKey(sender.key, request.code, request.options);
    const toContent = async (response: Response) =>
      kept(key, await windowOf(response, asked, target.tags, 0), block, sender, false);
    const { first, rest } = notifying(source, toContent, stop, clock);
    const content = await first();
    if (content === undefined) return undefined;
    if (classOf(content.code) === 2) return { ...content, notifications: rest };
    await rest[Symbol.asyncIterator]().return?.();
    return content;
  }

  const uploads = serveUploads<Window>({ clock, limits, onBug });
  const quick = times === undefined ? undefined : serveQuickly<Window>({ clock, limits, times, onBug });

  /** RFC 9177; undefined where the request has none of its options. */
  async function respondQuickly(
    known: Content,
    sender: Sender,
    method: Method,
    target: Routed,
  ): Promise<Answer | undefined> {
    if (!isQuickRequest(known)) return undefined;
    if (quick === undefined || sender.takesFurther !== true) return refusedOption(optionTable.qBlock2.number);
    const key = operationKey(sender.key, known.code, known.options);
    const begin: Begin<Window> = async (body, size, signal) => {
      const asked = targetToRequest(method, target, { body, size, peer: sender.peer, signal });
      return windowOf(await target.serve(asked), asked, [], 0);
    };
    return quick(known, sender, key, {
      begin,
      retrieve: (block) => retrieve(withSize(known), sender, method, target, block),
      answered: (window, block) => kept(key, window, block, sender, false),
    });
  }

  async function respond(request: Content, sender: Sender): Promise<Answer> {
    const { options, critical } = understood(request.options);
    if (critical !== undefined) return refusedOption(critical);
    const method = methodOf(request.code);
    if (method === undefined) return plain(responseCodes.methodNotAllowed);
    const isBert = sender.bertBytes !== undefined;
    const [block1, block2] = [readBlock(options, 'block1', isBert), readBlock(options, 'block2', isBert)];
    if (block1 === 'malformed' || block2 === 'malformed')
      throw new Problem('bad-request', 'expected a size of blocks of 0 to 6, found 7');
    const target = routed(options);
    if (target === undefined) return plain(responseCodes.proxyingNotSupported);
    const known = { ...request, options };
    const quickly = await respondQuickly(known, sender, method, target);
    if (quickly !== undefined) return quickly;
    const isObserving = uintOption(options, 'observe') === 0 && target.serve === handler;
    if (method === 'GET' && isObserving && (block2?.number ?? 0) === 0) {
      const observed = await observe(known, sender, target, block2);
      if (observed !== undefined) return observed;
    }
    if (method === 'GET' || (block1 === undefined && (block2?.number ?? 0) > 0))
      return retrieve(known, sender, method, target, block2);
    const key = operationKey(sender.key, request.code, options);
    const outcome = await uploads(
      { request: known, sender, key, block: block1 },
      async (body, size, signal) => {
        const given = { body, size, peer: sender.peer, sender: provenSender(sender), signal };
        const asked = targetToRequest(method, target, given);
        return windowOf(await target.serve(asked), asked, [], 0);
      },
    );
    const answer = 'code' in outcome ? plain(outcome.code) : kept(key, outcome.answer, block2, sender, false);
    return block1 === undefined ? answer : acknowledged(answer, block1);
  }

  return async (request, sender) => {
    try {
      return await respond(request, sender);
    } catch (error) {
      const code = failureCodeOf(error);
      if (code !== undefined) return plain(code);
      if (!(error instanceof Problem)) onBug(error);
      const problem = error instanceof Problem ? error : internal();
      const response = problemResponse(problem);
      return { ...responseToOptions(response, 'GET'), payload: await conciseProblem(response) };
    }
  };
}

/** RFC 9177 §4.6: every block tells the size. */
const withSize = (request: Content): Content => ({
  ...request,
  options: inOrder([...without(request.options, 'size2'), uint('size2', 0)]),
});

/** RFC 7959 §2.3: the M bit says that this is not the answer yet. */
const acknowledged = (content: Content, { number, szx }: Block): Content => ({
  ...content,
  options: inOrder([
    ...content.options,
    blockOption('block1', { number, szx, more: content.code === responseCodes.continue }),
  ]),
});

const internal = () => new Problem('internal', 'the server failed; its log says why');

const plain = (code: number): Content => ({ code, options: [], payload: new Uint8Array(0) });

const whole = ({ code, options, payload }: Content): Window => ({
  head: { code, options },
  contentType: undefined,
  start: 0,
  bytes: payload,
  total: payload.length,
});

/** RFC 7252 §5.4.1: whoever sent it learns which one it was. */
const refusedOption = (number: number): Content => ({
  code: responseCodes.badOption,
  options: [uint('contentFormat', problemFormat)],
  payload: unprocessedOption(number),
});

const isCurrent = ({ status, etag }: Response, tags: readonly string[]): boolean =>
  status === 'ok' && etag !== undefined && tags.includes(optionToEntityTag(entityTagToOption(etag)));

/** §5.9.1.3: it says which copy is current, and holds nothing else. */
async function validOf(response: Response, { method }: Request, tags: readonly string[]): Promise<Window> {
  await discard(response.body);
  const etag = response.etag ?? tags[0];
  const valid = { ...response, status: 'valid', contentType: undefined, etag } as const;
  return whole({ ...responseToOptions(valid, method), payload: new Uint8Array(0) });
}
