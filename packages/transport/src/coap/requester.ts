/**
 * The side of an endpoint that asks (RFC 7252 §5.2, §5.3): tokens, one interaction at a time with each server
 * (§4.7), and responses, with the acknowledgement or after it.
 */
import type { Random } from '../system.ts';
import { TransportError } from '../transport-error.ts';
import type { Alarm, Alarms } from './alarms.ts';
import { openBurst } from './burst.ts';
import type { Waiting } from './burst.ts';
import type { Ask, OpenBurst, Watch } from './carrier.ts';
import type { Content, Message } from './message.ts';
import { option, optionValue } from './option.ts';
import type { Reliability } from './reliability.ts';
import { notificationsOf } from './notifications.ts';
import type { Clock } from '../system.ts';
import type { Transmission } from './transmission.ts';
import { inOrder } from './message.ts';
import { turns } from './turns.ts';

export interface Requester {
  ask(to: string): Ask;
  watch(to: string): Watch;
  burst(to: string): OpenBurst;
  /** A response that did not come in an acknowledgement; whether anybody waits for it. */
  take(response: Message, from: string): boolean;
  /** Everybody who waits is told. */
  fail(error: Error): void;
}

export interface RequesterOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly alarms: Alarms;
  readonly reliability: Reliability;
  readonly transmission: Transmission;
  readonly send: (bytes: Uint8Array, to: string) => void;
}

/** §5.3.1: 32 bits that nobody off the path guesses. */
const tokenBytes = 4;

export function requester(options: RequesterOptions): Requester {
  const { clock, random, alarms, reliability, transmission, send } = options;
  const waitingByToken = new Map<string, Waiting>();
  const { enter, leave } = turns(transmission.nstart);

  function freshToken(to: string): { token: Uint8Array; key: string } {
    for (;;) {
      const token = random.bytes(tokenBytes);
      const key = keyOf(to, token);
      if (!waitingByToken.has(key)) return { token, key };
    }
  }

  async function ask(request: Content, to: string, signal: AbortSignal): Promise<Content> {
    const { token, key } = freshToken(to);
    try {
      return await exchange(request, to, token, key, signal);
    } finally {
      waitingByToken.delete(key);
    }
  }

  /** Whatever comes after the response under this token is nobody's, unless `key` is taken again. */
  async function exchange(
    { code, options, payload }: Content,
    to: string,
    token: Uint8Array,
    key: string,
    signal: AbortSignal,
  ): Promise<Content> {
    await enter(to, signal);
    let isOutstanding = true;
    const over = (): void => {
      if (isOutstanding) leave(to);
      isOutstanding = false;
    };
    let delivery: { cancel(): void } | undefined;
    let patience: Alarm | undefined;
    let onAbort: (() => void) | undefined;
    try {
      signal.throwIfAborted();
      await reliability.ready(to, signal);
      return await new Promise<Content>((take, fail) => {
        waitingByToken.set(key, { take, fail });
        onAbort = () => fail(signal.reason as Error);
        signal.addEventListener('abort', onAbort, { once: true });
        delivery = reliability.deliver({ code, token, options, payload }, to, {
          failed: fail,
          acknowledged(message) {
            if (message.code !== 0) return take(message);
            // §4.7: with the acknowledgement the interaction is no longer outstanding; the response follows.
            over();
            const ms = transmission.answerMsMax;
            const silence = () =>
              fail(new TransportError('no-answer', `expected an answer within ${ms} ms, found none`));
            patience = alarms.set(ms, silence);
          },
        });
      });
    } finally {
      over();
      delivery?.cancel();
      patience?.cancel();
      if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
    }
  }

  async function* watch(request: Content, to: string, signal: AbortSignal): AsyncIterable<Content> {
    const { token, key } = freshToken(to);
    const news = notificationsOf(clock);
    const observe = inOrder([...request.options, option('observe', new Uint8Array(0))]);
    const onAbort = () => news.fail(signal.reason as Error);
    try {
      const first = await exchange({ ...request, options: observe }, to, token, key, signal);
      // RFC 7641 §3.1: a server that does not observe answers once, and without the option.
      const isObserved = optionValue(first.options, 'observe') !== undefined;
      if (isObserved) {
        signal.addEventListener('abort', onAbort, { once: true });
        news.begin(first);
        waitingByToken.set(key, { take: (content) => news.put(content), fail: (error) => news.fail(error) });
      }
      yield first;
      if (isObserved) yield* news.all();
    } finally {
      signal.removeEventListener('abort', onAbort);
      // §3.6: with its token forgotten, the next notification is rejected, and the server stops.
      waitingByToken.delete(key);
    }
  }

  return {
    ask: (to) => (request, signal) => ask(request, to, signal),
    watch: (to) => (request, signal) => watch(request, to, signal),
    burst: (to) => openBurst({ alarms, reliability, send, freshToken, waiting: waitingByToken }, to),
    take(response, from) {
      const waiting = waitingByToken.get(keyOf(from, response.token));
      waiting?.take(response);
      return waiting !== undefined;
    },
    fail(error) {
      for (const { fail } of waitingByToken.values()) fail(error);
    },
  };
}

const keyOf = (peer: string, token: Uint8Array): string => `${peer}#${String.fromCharCode(...token)}`;
