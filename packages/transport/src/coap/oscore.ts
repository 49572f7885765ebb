/**
 * OSCORE (RFC 8613) as a layer between what carries contents and what they say: each side of a carrier
 * becomes one whose messages nobody between can read or change. It ends at each hop that keeps a cache; what
 * must hold from the author to the device is the manifest's signature.
 */
import type { Random } from '../system.ts';
import { equalInConstantTime } from '@lapel/cose';
import { TransportError } from '../transport-error.ts';
import { isBareAcknowledgement } from './burst.ts';
import type { Answer, Burst, Carrier, Respond, Sender } from './carrier.ts';
import { empty, responseCodes } from './code.ts';
import type { Content } from './message.ts';
import { option, optionValue, uint } from './option.ts';
import { inOrder, optionsLength } from './message.ts';
import type { OpenedResponse, OscoreContext } from './oscore-context.ts';
import { contextName, openRequest, openResponse, protectRequest, protectResponse } from './oscore-context.ts';
import type { RequestBinding } from './oscore-keys.ts';
import { numberOf } from './oscore-keys.ts';
import { decodeOscoreOption } from './oscore-option.ts';
import { replayWindow } from './replay-window.ts';

/** The side that asks. */
export function oscoreClient(context: OscoreContext, { ask, watch, burst }: Carrier): Carrier {
  return {
    async ask(request, signal) {
      const { content, binding } = await protectRequest(context, request);
      const answer = await ask(content, signal);
      return opened(context, binding, answer).content;
    },
    async *watch(request, signal) {
      const observing = inOrder([...request.options, option('observe', new Uint8Array(0))]);
      const { content, binding } = await protectRequest(context, { ...request, options: observing });
      // The carrier adds the outer option itself.
      const outer = { ...content, options: content.options.filter(({ number }) => number !== observeNumber) };
      let isFirst = true;
      let highest = -1;
      for await (const answer of watch(outer, signal)) {
        if (isFirst) {
          const { content: first, partialIv } = opened(context, binding, answer);
          highest = partialIv === undefined ? -1 : numberOf(partialIv);
          isFirst = false;
          yield first;
          continue;
        }
        // §8.4.2: what is not the server's ends nothing; §7.4.1: nor does what came before.
        const notification = openResponse(context, binding, answer);
        const number = notification?.partialIv === undefined ? -1 : numberOf(notification.partialIv);
        if (notification === undefined || number <= highest) continue;
        highest = number;
        yield notification.content;
      }
    },
    burst: burst === undefined ? undefined : (signal) => protectedBurst(context, burst(signal)),
  };
}

/** Each request under a number of its own, and each answer opened with what binds it to its request. */
function protectedBurst(context: OscoreContext, inner: Burst): Burst {
  const bindings: RequestBinding[] = [];
  let sending = Promise.resolve();
  let failure: Error | undefined;
  let isProven = false;
  return {
    ...inner,
    send(request, isConfirmable) {
      sending = sending
        .then(async () => {
          const { content, binding } = await protectRequest(context, request);
          bindings.push(binding);
          inner.send(content, isConfirmable);
        })
        .catch(
          (error: unknown) => void (failure ??= error instanceof Error ? error : new Error(String(error))),
        );
    },
    async receive(withinMs) {
      await sending;
      if (failure !== undefined) throw failure;
      for (;;) {
        const answer = await inner.receive(withinMs);
        const binding = answer === undefined ? undefined : bindings[answer.request];
        if (answer === undefined || binding === undefined || isBareAcknowledgement(answer)) return answer;
        const { request } = answer;
        // Once the other side is known to have the secret, what is not its own ends nothing.
        const found = isProven ? openResponse(context, binding, answer) : opened(context, binding, answer);
        if (found === undefined) continue;
        isProven = true;
        return { ...found.content, request };
      }
    },
  };
}

const observeNumber = 6;

/** @throws {TransportError} where the answer is not the server's own */
function opened(context: OscoreContext, binding: RequestBinding, answer: Content): OpenedResponse {
  const found = openResponse(context, binding, answer);
  if (found !== undefined) return found;
  // Anybody on the way can say so (§8.2): it is told, and believed no further.
  const isProtected = optionValue(answer.options, 'oscore') !== undefined;
  const what = isProtected ? 'one that is not' : new TextDecoder().decode(answer.payload.subarray(0, 64));
  throw new TransportError(
    'refused',
    `expected an answer under the shared secret, found ${what || 'another'}`,
  );
}

/** By `contextName`; a server of many devices looks it up. */
export type FindContext = (name: string) => OscoreContext | undefined | Promise<OscoreContext | undefined>;

export interface OscoreServerOptions {
  /** The context that a request names. */
  readonly find: FindContext;
  readonly random: Random;
  /** Serves what was proven; its senders have a peer. */
  readonly secured: Respond;
  /** Serves what came without OSCORE; absent, it is refused. */
  readonly plain?: Respond;
}

/** The side that responds. */
export function oscoreServer({ find, random, secured, plain }: OscoreServerOptions): Respond {
  return async (request, sender) => {
    const value = optionValue(request.options, 'oscore');
    if (value === undefined)
      return plain === undefined
        ? refusal(responseCodes.unauthorized, 'expected OSCORE', sender)
        : plain(request, sender);
    const header = decodeOscoreOption(value);
    if (header?.kid === undefined || header.partialIv === undefined || request.payload.length === 0)
      return refusal(responseCodes.badOption, 'Failed to decode COSE', sender);
    const { kid, partialIv, kidContext } = header;
    const context = await find(contextName(kid, kidContext));
    if (context === undefined)
      return refusal(responseCodes.unauthorized, 'Security context not found', sender);
    const number = numberOf(partialIv);
    if (context.window !== undefined && !context.window.isNew(number))
      return refusal(responseCodes.unauthorized, 'Replay detected', sender);
    const binding = { kid, partialIv };
    const content = openRequest(context, binding, request);
    if (content === undefined) return refusal(responseCodes.badRequest, 'Decryption failed', sender);
    // Between the look at the window and here nothing was awaited (§7.4).
    if (context.window === undefined && !isFresh(context, content, number))
      return challenged(context, binding, random);
    context.window?.add(number);
    return secure(context, binding, content, sender, secured);
  };
}

/** §B.1.2: what was lost with the power, the window, begins anew at a request that is proven to be new. */
function isFresh(context: OscoreContext, { options }: Content, number: number): boolean {
  const echo = optionValue(options, 'echo');
  const { challenge } = context;
  if (echo === undefined || challenge === undefined || !equalInConstantTime(echo, challenge)) return false;
  context.window = replayWindow(number);
  context.challenge = undefined;
  return true;
}

const challengeBytes = 8;

/** §B.1.2: under a number of our own, as the nonce of the request may have been answered before the start. */
async function challenged(context: OscoreContext, binding: RequestBinding, random: Random): Promise<Content> {
  context.challenge ??= random.bytes(challengeBytes);
  const content = {
    code: responseCodes.unauthorized,
    options: [option('echo', context.challenge)],
    payload: new Uint8Array(0),
  };
  return protectResponse(context, binding, content, await context.sequence.next());
}

async function secure(
  context: OscoreContext,
  binding: RequestBinding,
  content: Content,
  { signal, takesFurther = false, bertBytes }: Sender,
  secured: Respond,
): Promise<Answer> {
  const { notifications, further, ...answer } = await secured(content, {
    key: context.name,
    peer: context.peer,
    takesFurther,
    bertBytes,
    signal,
  });
  const isBare = answer.code === empty;
  const number = context.isShared && !isBare ? await context.sequence.next() : undefined;
  return {
    ...(isBare ? answer : protectResponse(context, binding, answer, number)),
    ...(notifications && { notifications: protectedNotifications(context, binding, notifications) }),
    ...(further && { further: protectedNotifications(context, binding, further) }),
  };
}

/** §8.3.1: each under a number of its own. */
function protectedNotifications(
  context: OscoreContext,
  binding: RequestBinding,
  notifications: AsyncIterable<Content>,
): AsyncIterable<Content> {
  const source = notifications[Symbol.asyncIterator]();
  const iterator: AsyncIterator<Content, undefined> & AsyncIterable<Content> = {
    [Symbol.asyncIterator]: () => iterator,
    async next() {
      const read = await source.next();
      if (read.done === true) return { done: true, value: undefined };
      const number = await context.sequence.next();
      return { done: false, value: protectResponse(context, binding, read.value, number) };
    },
    async return() {
      await source.return?.();
      return { done: true, value: undefined };
    },
  };
  return iterator;
}

/**
 * §8.2: not protected, and not to be kept by a proxy. Who asks may have another's address (RFC 9175 §2.6):
 * what is said in words is left out where the answer would be more than three times the request.
 */
function refusal(code: number, text: string, { requestBytes = Infinity, headBytes = 0 }: Sender): Content {
  const [options, words] = [[uint('maxAge', 0)], new TextEncoder().encode(text)];
  const fits = headBytes + optionsLength(options, words) <= 3 * requestBytes;
  return { code, options, payload: fits ? words : new Uint8Array(0) };
}
