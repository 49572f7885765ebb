/**
 * Requests under tokens of their own whose answers come together (RFC 9177 §6): as many to one request as the
 * server has to send, and none where it has nothing to say.
 */
import { TransportError } from '../transport-error.ts';
import type { Alarms } from './alarms.ts';
import type { Burst, OpenBurst, Received } from './carrier.ts';
import { empty } from './code.ts';
import type { Content } from './message.ts';
import { encodeMessage, messageTypes } from './message.ts';
import type { Reliability } from './reliability.ts';

/** Answers that nobody has asked for yet: four sets of blocks and some; what comes behind is lost. */
const queuedMax = 64;
/** Requests whose answers may still come; of the oldest they come no more. */
const tokensMax = 256;

export interface Waiting {
  readonly take: (response: Content) => void;
  readonly fail: (error: Error) => void;
}

export interface BurstOptions {
  readonly alarms: Alarms;
  readonly reliability: Reliability;
  readonly send: (bytes: Uint8Array, to: string) => void;
  readonly freshToken: (to: string) => { readonly token: Uint8Array; readonly key: string };
  /** Who waits for what, by the keys of `freshToken`. */
  readonly waiting: Map<string, Waiting>;
}

export function openBurst({ alarms, reliability, send, freshToken, waiting }: BurstOptions, to: string) {
  const open: OpenBurst = (signal): Burst => {
    const keys: string[] = [];
    const queue: Received[] = [];
    let sent = 0;
    let delivery: { cancel(): void } | undefined;
    let failure: Error | undefined;
    let wake: (() => void) | undefined;
    const rouse = (): void => {
      wake?.();
      wake = undefined;
    };
    const fail = (error: Error): void => {
      failure ??= error;
      rouse();
    };
    const taking = (request: number) => (content: Content) => {
      if (queue.length < queuedMax) queue.push({ ...content, request });
      rouse();
    };
    const onAbort = () => fail(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });

    return {
      send(request, isConfirmable = false) {
        signal.throwIfAborted();
        const { token, key } = freshToken(to);
        const take = taking(sent++);
        waiting.set(key, { take, fail });
        keys.push(key);
        if (keys.length > tokensMax) waiting.delete(keys.shift() ?? key);
        const message = { ...request, token };
        if (isConfirmable) delivery = reliability.deliver(message, to, { acknowledged: take, failed: fail });
        else {
          const id = reliability.nextId(to);
          send(encodeMessage({ ...message, type: messageTypes.nonConfirmable, id }), to);
        }
      },
      async receive(withinMs) {
        if (queue.length === 0 && failure === undefined) {
          await new Promise<void>((resolve) => {
            const alarm = alarms.set(withinMs, resolve);
            wake = () => {
              alarm.cancel();
              resolve();
            };
          });
        }
        const next = queue.shift();
        if (next === undefined && failure !== undefined) throw failure;
        return next;
      },
      close() {
        signal.removeEventListener('abort', onAbort);
        delivery?.cancel();
        for (const key of keys) waiting.delete(key);
        queue.length = 0;
        failure ??= new TransportError('no-answer', 'expected an open exchange, found it closed');
        rouse();
      },
    };
  };
  return open;
}

/** Says that a request has arrived, and nothing else. */
export const isBareAcknowledgement = ({ code }: Content): boolean => code === empty;
