/**
 * Requests to everybody in a group (RFC 7252 §8): one datagram out, an answer from each who has something to
 * say, some time within their leisure. A group is a port of datagrams of its own, so that who serves knows
 * that it was not asked alone.
 */
import { discard } from '../body.ts';
import type { Body, Handler, Request, Response } from '../exchange.ts';
import type { Clock, Random } from '../system.ts';
import { TransportError } from '../transport-error.ts';
import { alarms } from './alarms.ts';
import { blockClient, observedResponse } from './block-client.ts';
import type { Respond } from './carrier.ts';
import { classOf, methodCodes } from './code.ts';
import type { Datagrams } from './datagrams.ts';
import type { Endpoint } from './endpoint.ts';
import { createEndpoint } from './endpoint.ts';
import type { Content, Message } from './message.ts';
import { MessageError, decodeMessage, encodeMessage, headerBytes, messageTypes } from './message.ts';
import { messageNumbers } from './message-numbers.ts';
import { optionTable, optionValue, optionValues, uintOption } from './option.ts';
import { echoing } from './proof-of-address.ts';
import { recentRequests } from './recent-requests.ts';
import { requestToOptions } from './request-options.ts';
import type { Transmission } from './transmission.ts';
import { nonLifetimeMs, transmissionDefaults } from './transmission.ts';

export interface GroupServerOptions {
  readonly datagrams: Datagrams;
  readonly clock: Clock;
  readonly random: Random;
  /** Proves addresses: nobody needs a whole group to answer somebody else (RFC 9175 §2.4). */
  readonly respond: Respond;
  /** DEFAULT_LEISURE (§8.2): within this time, at a moment of chance. */
  readonly leisureMs?: number;
  /** What is heard may have been asked of this server alone: only for what is asked of all it waits then. */
  readonly mayBeAlone?: boolean;
  readonly onBug: (error: unknown) => void;
}

const leisureMsDefault = 5_000;
/** Answers that wait for their moment; who asks a group more often than that is not served. */
const waitingMax = 64;
/** Requests that were heard lately, so that a copy is not answered again: about a thousand. */
const recentBytesMax = 256 * 1024;
const tickMs = 20;
const lifetimeMs = nonLifetimeMs(transmissionDefaults);

/** Answers what is asked of the group; failures, and answers that hold nothing, are kept to itself (§8.2). */
export function serveGroup(options: GroupServerOptions): { close(): Promise<void> } {
  const { datagrams, clock, random, respond, leisureMs = leisureMsDefault, onBug } = options;
  const { mayBeAlone = false } = options;
  const clockwork = alarms(clock, tickMs);
  const closed = new AbortController();
  const recent = recentRequests(clock, recentBytesMax);
  const numbers = messageNumbers(clock, random, lifetimeMs);
  let waiting = 0;

  async function answer(request: Message, from: string, requestBytes: number): Promise<void> {
    const headBytes = headerBytes + request.token.length;
    const sender = { key: from, requestBytes, headBytes, signal: closed.signal };
    const { notifications, ...content } = await respond(request, sender);
    // A group is not observed (RFC 7641 has no word for it).
    await notifications?.[Symbol.asyncIterator]().return?.();
    if (closed.signal.aborted || classOf(content.code) !== 2 || content.payload.length === 0) return;
    const id = numbers.next(from);
    const type = messageTypes.nonConfirmable;
    datagrams.send(encodeMessage({ ...content, type, id, token: request.token }), from);
  }

  function receive(bytes: Uint8Array, from: string): void {
    const request = readMessage(bytes);
    // §8.1: never confirmable, and no reset to what is not understood. Only what changes nothing is heard.
    if (request?.type !== messageTypes.nonConfirmable || request.code !== methodCodes.GET) return;
    const key = `${from}#${request.id}`;
    if (recent.find(key) !== undefined || waiting >= waitingMax) return;
    recent.begin(key, lifetimeMs);
    waiting += 1;
    const within = mayBeAlone && !isAboutLinks(request) ? 0 : leisureMs;
    clockwork.set(random.fraction() * within, () => {
      waiting -= 1;
      answer(request, from, bytes.length).catch(onBug);
    });
  }

  datagrams.listen(receive, onBug);
  return {
    async close() {
      closed.abort(new Error('the group is left'));
      clockwork.close();
      await datagrams.close();
    },
  };
}

/** What is asked of a group here (RFC 6690 §4). */
function isAboutLinks({ options }: Message): boolean {
  const [first, second, ...further] = optionValues(options, 'uriPath').map((value) => nameOf(value));
  return first === '.well-known' && second === 'core' && further.length === 0;
}

/**
 * Datagrams of a port that hears a group as well, where nobody can tell for which of them one was meant: what
 * a group may be asked, and the rest.
 */
export function withGroup(datagrams: Datagrams): { readonly group: Datagrams; readonly alone: Datagrams } {
  let hear: ((bytes: Uint8Array, from: string) => void) | undefined;
  return {
    // It is closed as that port is.
    group: { ...datagrams, listen: (onDatagram) => void (hear = onDatagram), close: async () => undefined },
    alone: {
      ...datagrams,
      listen: (onDatagram, onError) =>
        datagrams.listen((bytes, from) => {
          if (hear !== undefined && isForGroups(bytes)) hear(bytes, from);
          else onDatagram(bytes, from);
        }, onError),
    },
  };
}

/** Of the first byte: version 1, not confirmable. */
const nonConfirmableHead = 5;
/** RFC 7959 §2.2: below it are the size and the word that more follows. */
const blockNumberShift = 4;
const aloneOptions = ['observe', 'qBlock2', 'oscore'] as const;

function isForGroups(bytes: Uint8Array): boolean {
  if ((bytes[0] ?? 0) >> 4 !== nonConfirmableHead || bytes[1] !== methodCodes.GET) return false;
  const message = readMessage(bytes);
  if (message === undefined) return false;
  const { options } = message;
  // RFC 7959 §2.8: a group is asked for first blocks, the others of each for the rest.
  const isFirst = (uintOption(options, 'block2') ?? 0) < 2 ** blockNumberShift;
  return isFirst && aloneOptions.every((name) => optionValue(options, name) === undefined);
}

function readMessage(bytes: Uint8Array): Message | undefined {
  try {
    return decodeMessage(bytes);
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
    return undefined;
  }
}

export interface GroupClientOptions {
  readonly datagrams: Datagrams;
  readonly clock: Clock;
  readonly random: Random;
  readonly transmission?: Partial<Transmission>;
  readonly onBug: (error: unknown) => void;
}

export interface GroupAnswer {
  /** Who answered; a URI in the answer is relative to it (§8.2). */
  readonly from: string;
  readonly response: Response;
}

export interface GroupClient {
  /** Answers as they come, for so long; `request` is a GET, and its signal ends it sooner. */
  ask(request: Request, group: string, waitMs?: number): AsyncIterable<GroupAnswer>;
  close(): Promise<void>;
}

/** Answers to one request; where more come, or nobody reads them, the rest is not heard. */
const answersMax = 256;
/** Until the last who answers within their leisure was heard, with a second on the way. */
const waitMsDefault = leisureMsDefault + 1_000;
const tokenBytes = 8;
const nothing = new Uint8Array(0);

/** What does not fit into one datagram is asked for in blocks, of the one who answered. */
export function groupClient(options: GroupClientOptions): GroupClient {
  const { clock, random, datagrams } = options;
  const byToken = new Map<string, (content: Content, from: string) => void>();
  const numbers = messageNumbers(clock, random, lifetimeMs);
  /** §8.2: an answer is known by its token alone, whoever it comes from. */
  const divide = (others: (bytes: Uint8Array, from: string) => void) => (bytes: Uint8Array, from: string) => {
    const message = byToken.size === 0 ? undefined : readMessage(bytes);
    const take = message === undefined ? undefined : byToken.get(nameOf(message.token));
    if (message?.type !== messageTypes.nonConfirmable || take === undefined) return others(bytes, from);
    take(message, from);
  };

  const endpoint: Endpoint = createEndpoint({
    ...options,
    datagrams: {
      ...datagrams,
      listen: (onDatagram, onError) => datagrams.listen(divide(onDatagram), onError),
    },
  });

  function responseOf(first: Content, base: Content, request: Request, from: string): Response {
    const carrier = { ask: endpoint.ask(from), watch: endpoint.watch(from) };
    const { ask: one } = echoing(carrier, first.options);
    const response = observedResponse(first, base, one, request.signal, { random });
    // RFC 9175 §2.4: what was cut small for an address that is not proven comes whole, once that is proven.
    const isCut = first.options.some(({ number }) => number === optionTable.block2.number);
    if (!isCut || optionValue(first.options, 'echo') === undefined) return response;
    return { ...response, size: undefined, body: asked(blockClient(one, { random }), request) };
  }

  async function* ask(request: Request, group: string, waitMs = waitMsDefault): AsyncIterable<GroupAnswer> {
    const { signal } = request;
    signal.throwIfAborted();
    // §8.2.1: a group is never asked whether a copy is current.
    const options = requestToOptions({ ...request, method: 'GET', ifNoneMatch: undefined });
    const base: Content = { code: methodCodes.GET, options, payload: nothing };
    const token = random.bytes(tokenBytes);
    const heard = new Map<string, Content>();
    const pending: [string, Content][] = [];
    const done = new AbortController();
    let wake: () => void = () => undefined;
    byToken.set(nameOf(token), (content, from) => {
      if (heard.has(from) || heard.size === answersMax || classOf(content.code) !== 2) return;
      heard.set(from, content);
      pending.push([from, content]);
      wake();
    });
    let isOver = false;
    const over = () => {
      isOver = true;
      wake();
    };
    clock.sleep(waitMs, AbortSignal.any([signal, done.signal])).then(over, over);
    try {
      const id = numbers.next(group);
      datagrams.send(encodeMessage({ ...base, type: messageTypes.nonConfirmable, id, token }), group);
      for (;;) {
        const next = pending.shift();
        if (next !== undefined) {
          const [from, content] = next;
          yield { from, response: responseOf(content, base, request, from) };
        } else if (isOver) {
          signal.throwIfAborted();
          return;
        } else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      byToken.delete(nameOf(token));
      done.abort(new Error('nobody listens to the group any more'));
    }
  }

  return { ask, close: () => endpoint.close() };
}

/** The body that one server has, asked for when it is read. */
async function* asked(handler: Handler, request: Request): Body {
  const { status, body } = await handler({ ...request, method: 'GET', ifNoneMatch: undefined });
  if (status !== 'ok') {
    await discard(body);
    throw new TransportError('no-answer', `expected the rest of an answer to a group, found ${status}`);
  }
  yield* body;
}

const nameOf = (token: Uint8Array): string => String.fromCharCode(...token);
