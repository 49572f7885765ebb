/**
 * The side of an endpoint that responds (RFC 7252 §5.2): each request once, its answer with the
 * acknowledgement where it is ready soon, and after an empty one where it is not.
 */
import type { Clock } from '../system.ts';
import type { Alarm, Alarms } from './alarms.ts';
import type { Answer, Respond } from './carrier.ts';
import { classOf, empty, methodCodes, responseCodes } from './code.ts';
import type { Content, Message } from './message.ts';
import { encodeMessage, headerBytes as messageHeadBytes, messageTypes } from './message.ts';
import { optionValue, uint, without } from './option.ts';
import type { Observers } from './observers.ts';
import type { RecentRequest } from './recent-requests.ts';
import { recentRequests } from './recent-requests.ts';
import type { Reliability } from './reliability.ts';
import type { Transmission } from './transmission.ts';
import { exchangeLifetimeMs, nonLifetimeMs } from './transmission.ts';

export interface Responder {
  serve(request: Message, from: string, requestBytes: number): void;
}

export interface ResponderOptions {
  readonly respond: Respond;
  readonly clock: Clock;
  readonly alarms: Alarms;
  readonly reliability: Reliability;
  readonly transmission: Transmission;
  readonly observers: Observers;
  readonly send: (bytes: Uint8Array, to: string) => void;
  readonly signal: AbortSignal;
  readonly limits: { readonly recentBytesMax: number; readonly requestsMax: number };
  readonly onBug: (error: unknown) => void;
}

/** Share of ACK_TIMEOUT after which an answer that is not ready is announced by an empty acknowledgement. */
const ackShare = 0.25;
/** When to come again, where too many are here (RFC 7252 §5.9.3.4). */
const busySeconds = 5;

const nothing = new Uint8Array(0);

interface Served {
  readonly message: Message;
  readonly from: string;
  readonly key: string;
  readonly recent: RecentRequest;
  alarm: Alarm | undefined;
  isAcknowledged: boolean;
}

export function responder(options: ResponderOptions): Responder {
  const { respond, clock, alarms, reliability, transmission, observers, send, signal, limits, onBug } =
    options;
  const recent = recentRequests(clock, limits.recentBytesMax);
  const lifetimes = [exchangeLifetimeMs(transmission), nonLifetimeMs(transmission)];
  let underWay = 0;

  function serve(message: Message, from: string, requestBytes: number): void {
    const key = `${from}#${message.id}`;
    const before = recent.find(key);
    if (before !== undefined) {
      // §4.5: a copy is answered with a copy; nothing is done twice. NON is not answered again.
      if (before.reply !== undefined && message.type === messageTypes.confirmable) send(before.reply, from);
      return;
    }
    const isConfirmable = message.type === messageTypes.confirmable;
    const served: Served = {
      message,
      from,
      key,
      recent: recent.begin(key, lifetimes[isConfirmable ? 0 : 1] ?? 0),
      alarm: undefined,
      isAcknowledged: false,
    };
    if (underWay >= limits.requestsMax) return finish(served, busy);
    underWay += 1;
    if (isConfirmable)
      served.alarm = alarms.set(transmission.ackTimeoutMs * ackShare, () => acknowledge(served));
    const headBytes = messageHeadBytes + message.token.length;
    respond(message, { key: from, requestBytes, headBytes, takesFurther: true, signal })
      .catch((error: unknown): Answer => {
        onBug(error);
        return failed;
      })
      .then((answer) => {
        finish(served, answer);
        return answer.further === undefined ? undefined : goOn(served, answer.further);
      })
      .catch(onBug)
      .finally(() => (underWay -= 1));
  }

  /** §5.2.2: the answer comes later. */
  function acknowledge(served: Served): void {
    served.isAcknowledged = true;
    const { message, from } = served;
    const bytes = encodeMessage({
      type: messageTypes.acknowledgement,
      id: message.id,
      code: 0,
      token: nothing,
      options: [],
      payload: nothing,
    });
    recent.reply(served.recent, bytes);
    send(bytes, from);
  }

  function finish(served: Served, given: Answer): void {
    served.alarm?.cancel();
    if (signal.aborted) return;
    const { code, options, payload, notifications, isToStranger: isOnce = false } = observable(served, given);
    const { message, from, key } = served;
    const { token } = message;
    if (code === empty) {
      if (message.type === messageTypes.confirmable && !served.isAcknowledged) acknowledge(served);
    } else if (served.isAcknowledged) {
      const ignore = () => undefined;
      const message = { code, token, options, payload };
      reliability.deliver(message, from, { acknowledged: ignore, failed: ignore }, { isOnce });
    } else {
      const isConfirmable = message.type === messageTypes.confirmable;
      const type = isConfirmable ? messageTypes.acknowledgement : messageTypes.nonConfirmable;
      const id = isConfirmable ? message.id : reliability.nextId(from);
      const bytes = encodeMessage({ type, id, code, token, options, payload });
      send(bytes, from);
      // §4.5: what may be retrieved twice as well as once is not kept.
      if (isRepeatable(message)) recent.forget(key);
      else recent.reply(served.recent, bytes);
    }
    // RFC 7641 §3.6, §4.1: who asks again under the token observes anew, or no longer. A request that failed
    // ends nothing: anybody could have sent it (RFC 8613 §4.1.3.5).
    const isAboutObserving = optionValue(message.options, 'observe') !== undefined;
    if (isAboutObserving && classOf(code) === 2) observers.end(from, token);
    if (notifications !== undefined) observers.begin(from, token, notifications, isOnce);
  }

  /** RFC 7641 §4.1: a server that does not add an observer answers without saying that it does. */
  function observable({ from, message }: Served, answer: Answer): Answer {
    const { notifications, ...rest } = answer;
    if (notifications === undefined || observers.hasRoom(from, message.token)) return answer;
    notifications[Symbol.asyncIterator]().return?.().catch(onBug);
    return { ...rest, options: without(answer.options, 'observe') };
  }

  /** RFC 9177: what else is sent to the same request, once each. */
  async function goOn({ message, from }: Served, further: AsyncIterable<Content>): Promise<void> {
    const { token } = message;
    for await (const { code, options, payload } of further) {
      await reliability.ready(from, signal);
      if (signal.aborted) return;
      const [type, id] = [messageTypes.nonConfirmable, reliability.nextId(from)];
      send(encodeMessage({ type, id, code, token, options, payload }), from);
    }
  }

  return { serve };
}

const isRepeatable = ({ code, options }: Content): boolean =>
  code === methodCodes.GET && optionValue(options, 'observe') === undefined;

const busy: Content = {
  code: responseCodes.serviceUnavailable,
  options: [uint('maxAge', busySeconds)],
  payload: nothing,
};

const failed: Content = { code: responseCodes.internalServerError, options: [], payload: nothing };
