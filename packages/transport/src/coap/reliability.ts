/**
 * Messages that must arrive (RFC 7252 §4.2): sent again at growing intervals until they are acknowledged,
 * rejected, or given up.
 */
import type { Clock, Random } from '../system.ts';
import { TransportError } from '../transport-error.ts';
import type { Alarm, Alarms } from './alarms.ts';
import type { Message } from './message.ts';
import { encodeMessage, messageTypes } from './message.ts';
import type { Transmission } from './transmission.ts';
import { messageNumbers } from './message-numbers.ts';
import { exchangeLifetimeMs } from './transmission.ts';

export interface Reliability {
  /** Resolves when there is a number for the next message. */
  ready(to: string, signal: AbortSignal): Promise<void> | undefined;
  /** Sends the message confirmably, and goes on until it is settled, given up, or called off. */
  deliver(
    message: Unnumbered,
    to: string,
    outcome: Outcome,
    how?: { readonly isOnce?: boolean },
  ): { cancel(): void };
  /** An acknowledgement or a reset; whether anybody waited for it. */
  settle(message: Message, from: string): boolean;
  nextId(to: string): number;
}

export type Unnumbered = Omit<Message, 'id' | 'type'>;

export interface Outcome {
  /** The acknowledgement, which may carry a response. */
  readonly acknowledged: (message: Message) => void;
  /** `no-answer`: nobody acknowledged it, or somebody rejected it. */
  readonly failed: (error: TransportError) => void;
}

interface Delivery {
  readonly bytes: Uint8Array;
  readonly token: Uint8Array;
  readonly outcome: Outcome;
  readonly attemptsMax: number;
  attempts: number;
  timeoutMs: number;
  alarm: Alarm | undefined;
}

export interface ReliabilityOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly alarms: Alarms;
  readonly transmission: Transmission;
  readonly send: (bytes: Uint8Array, to: string) => void;
}

export function reliability(options: ReliabilityOptions): Reliability {
  const { clock, random, alarms, transmission, send } = options;
  const { maxRetransmit } = transmission;
  const deliveries = new Map<string, Delivery>();
  const numbers = messageNumbers(clock, random, exchangeLifetimeMs(transmission));

  function transmit(key: string, to: string, delivery: Delivery): void {
    if (delivery.attempts >= delivery.attemptsMax) {
      deliveries.delete(key);
      const found = `none to ${delivery.attempts} transmissions`;
      delivery.outcome.failed(new TransportError('no-answer', `expected an acknowledgement, found ${found}`));
      return;
    }
    delivery.attempts += 1;
    send(delivery.bytes, to);
    delivery.alarm = alarms.set(delivery.timeoutMs, () => transmit(key, to, delivery));
    delivery.timeoutMs *= 2;
  }

  function deliver(...[message, to, outcome, how = {}]: Parameters<Reliability['deliver']>): {
    cancel(): void;
  } {
    const id = numbers.next(to);
    const key = `${to}#${id}`;
    // §4.2: the first timeout is random, so that many who lost at once do not come again at once.
    const spread = 1 + random.fraction() * (transmission.ackRandomFactor - 1);
    const delivery: Delivery = {
      bytes: encodeMessage({ ...message, type: messageTypes.confirmable, id }),
      token: message.token,
      outcome,
      attemptsMax: how.isOnce === true ? 1 : maxRetransmit + 1,
      attempts: 0,
      timeoutMs: transmission.ackTimeoutMs * spread,
      alarm: undefined,
    };
    deliveries.set(key, delivery);
    transmit(key, to, delivery);
    return {
      cancel() {
        delivery.alarm?.cancel();
        deliveries.delete(key);
      },
    };
  }

  function settle(message: Message, from: string): boolean {
    const key = `${from}#${message.id}`;
    const delivery = deliveries.get(key);
    if (delivery === undefined) return false;
    // §5.3.2: a response in an acknowledgement has the token of what it answers, or it is none.
    if (message.code !== 0 && !isEqual(message.token, delivery.token)) return false;
    deliveries.delete(key);
    delivery.alarm?.cancel();
    if (message.type === messageTypes.reset)
      delivery.outcome.failed(new TransportError('no-answer', 'expected an acknowledgement, found a reset'));
    else delivery.outcome.acknowledged(message);
    return true;
  }

  return {
    ready(to, signal) {
      const waitMs = numbers.waitMs(to);
      return waitMs > 0 ? clock.sleep(waitMs, signal) : undefined;
    },
    deliver,
    settle,
    nextId: (to) => numbers.next(to),
  };
}

export const isEqual = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, at) => byte === b[at]);
