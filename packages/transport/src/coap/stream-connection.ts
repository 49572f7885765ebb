/**
 * One connection of CoAP over a reliable stream (RFC 8323): both sides say first what they can take (§5.3),
 * answer pings, and may ask each other.
 */
import type { Clock, Random } from '../system.ts';
import { TransportError } from '../transport-error.ts';
import type { Ask, Respond, Watch } from './carrier.ts';
import { classOf, code, empty, isRequest, isResponse } from './code.ts';
import type { Content } from './message.ts';
import { MessageError, inOrder } from './message.ts';
import { notificationsOf } from './notifications.ts';
import type { Option } from './option.ts';
import { isCritical, option, optionValue, readUint, without, writeUint } from './option.ts';
import { encodeStreamMessage, streamReader } from './stream-message.ts';
import type { StreamMessage } from './stream-message.ts';

export interface ByteStream {
  send(bytes: Uint8Array): void;
  close(): void;
}

export interface StreamConnection {
  readonly ask: Ask;
  readonly watch: Watch;
  receive(bytes: Uint8Array): void;
  /** What blocks of one message may weigh together, once the other side speaks BERT (RFC 8323 §6). */
  readonly bertBytes: number | undefined;
  /** Requests that are being served. */
  readonly underWay: number;
  /** The stream has ended: whoever waits is told. */
  end(error: Error): void;
}

export interface StreamConnectionOptions {
  readonly stream: ByteStream;
  /** Tells this connection from others. */
  readonly key: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly respond?: Respond;
  readonly onBug: (error: unknown) => void;
  /** Told whenever a request was answered. */
  readonly onAnswered?: () => void;
}

/** §5: signals, which are neither requests nor responses. */
const signals = {
  capabilities: code(7, 1),
  ping: code(7, 2),
  pong: code(7, 3),
  release: code(7, 4),
  abort: code(7, 5),
} as const;

/** §5.3.1: what a side takes before it has said more; with that a block of 1024 bytes has its room. */
const messageBytesDefault = 1152;
/** With BERT, eight blocks in one message and room for its options: less to do for each byte. */
const bertBytesMax = 8 * 1024;
const optionsBytesMax = 1024;
const ownMessageBytesMax = bertBytesMax + optionsBytesMax;
/** §5.3: what a side says of itself. */
const [maxMessageSize, blockWise] = [2, 4];
const tokenBytes = 4;
/** What one connection observes: a device has a few resources, a gateway those of its devices. */
const observingMax = 256;
const nothing = new Uint8Array(0);

interface Waiting {
  readonly take: (content: Content) => void;
  readonly fail: (error: Error) => void;
}

export function streamConnection(options: StreamConnectionOptions): StreamConnection {
  const { stream, key, clock, random, respond, onBug, onAnswered = () => undefined } = options;
  const waiting = new Map<string, Waiting>();
  const observing = new Map<string, AsyncIterator<Content>>();
  const reader = streamReader(ownMessageBytesMax);
  const ended = new AbortController();
  let peerBytesMax = messageBytesDefault;
  let peerBertBytes: number | undefined;
  let isIntroduced = false;
  let underWay = 0;

  function send(message: StreamMessage): void {
    if (ended.signal.aborted) return;
    const bytes = encodeStreamMessage(message);
    if (bytes.length > peerBytesMax)
      throw new RangeError(`expected a message of at most ${peerBytesMax} bytes, found ${bytes.length}`);
    stream.send(bytes);
  }

  const signal = (what: number, given: Partial<StreamMessage> = {}): void =>
    send({ code: what, token: nothing, options: [], payload: nothing, ...given });

  /** §5.6: tells why, and ends. */
  function abort(reason: string): void {
    signal(signals.abort, { payload: new TextEncoder().encode(reason.slice(0, 200)) });
    end(new TransportError('malformed', reason));
    stream.close();
  }

  function end(error: Error): void {
    if (ended.signal.aborted) return;
    ended.abort(error);
    for (const { fail } of waiting.values()) fail(error);
    for (const source of observing.values()) source.return?.().catch(onBug);
    observing.clear();
  }

  function receive(bytes: Uint8Array): void {
    try {
      for (const message of reader.push(bytes)) if (!ended.signal.aborted) dispatch(message);
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      abort(error.message);
    }
  }

  function dispatch(message: StreamMessage): void {
    // §5.3: what comes first says what the other side can take.
    if (!isIntroduced && message.code !== signals.capabilities)
      return abort('expected capabilities and settings first, found another message');
    if (classOf(message.code) === 7) return take(message);
    // §3.4: an empty message keeps a connection alive.
    if (message.code === empty) return;
    if (isRequest(message.code) && respond !== undefined) {
      serve(message, respond).catch(onBug);
      return;
    }
    if (isResponse(message.code)) waiting.get(nameOf(message.token))?.take(message);
    else abort('expected a response, found a message of another class');
  }

  function take({ code: what, token, options: given }: StreamMessage): void {
    const known = what === signals.capabilities ? maxMessageSize : -1;
    const unknown = given.find(({ number }) => isCritical(number) && number !== known);
    if (unknown !== undefined) return abort(`expected options that are understood, found ${unknown.number}`);
    if (what === signals.capabilities) {
      isIntroduced = true;
      const size = given.find(({ number }: Option) => number === maxMessageSize);
      if (size !== undefined) peerBytesMax = readUint(size.value.subarray(0, 4));
      // §5.3.2, §6: blocks, and messages for more than one of them.
      const isBlockWise = given.some(({ number }) => number === blockWise);
      const blocks = Math.floor((Math.min(peerBytesMax, ownMessageBytesMax) - optionsBytesMax) / 1024);
      peerBertBytes = isBlockWise && blocks > 1 ? blocks * 1024 : undefined;
    } else if (what === signals.ping) signal(signals.pong, { token });
    else if (what === signals.release || what === signals.abort) {
      end(new TransportError('no-answer', 'expected an answer, found the end of the connection'));
      stream.close();
    }
  }

  async function serve(message: StreamMessage, answerer: Respond): Promise<void> {
    underWay += 1;
    const { token } = message;
    try {
      const { notifications, ...answer } = await answerer(message, {
        key,
        bertBytes: peerBertBytes,
        signal: ended.signal,
      });
      const name = nameOf(token);
      // RFC 7641 §3.6, §4.1: who asks again under the token observes anew, or no longer.
      if (optionValue(message.options, 'observe') !== undefined && classOf(answer.code) === 2) {
        await observing.get(name)?.return?.();
        observing.delete(name);
      }
      const hasRoom = observing.size < observingMax;
      if (notifications === undefined || hasRoom) send({ ...answer, token });
      else send({ ...answer, options: without(answer.options, 'observe'), token });
      if (hasRoom && notifications !== undefined) tell(name, token, notifications).catch(onBug);
      if (!hasRoom) await notifications?.[Symbol.asyncIterator]().return?.();
    } finally {
      underWay -= 1;
      onAnswered();
    }
  }

  async function tell(name: string, token: Uint8Array, notifications: AsyncIterable<Content>): Promise<void> {
    const source = notifications[Symbol.asyncIterator]();
    observing.set(name, source);
    while (observing.get(name) === source) {
      const read = await source.next();
      if (read.done === true || observing.get(name) !== source) break;
      send({ ...read.value, token });
    }
    if (observing.get(name) === source) observing.delete(name);
  }

  function freshToken(): { token: Uint8Array; name: string } {
    for (;;) {
      const token = random.bytes(tokenBytes);
      const name = nameOf(token);
      if (!waiting.has(name)) return { token, name };
    }
  }

  function exchange(request: Content, token: Uint8Array, name: string, given: AbortSignal): Promise<Content> {
    given.throwIfAborted();
    ended.signal.throwIfAborted();
    return new Promise<Content>((take, fail) => {
      const onAbort = () => fail(given.reason as Error);
      given.addEventListener('abort', onAbort, { once: true });
      const settled = () => given.removeEventListener('abort', onAbort);
      waiting.set(name, {
        take: (content) => {
          settled();
          take(content);
        },
        fail: (error) => {
          settled();
          fail(error);
        },
      });
      send({ ...request, token });
    });
  }

  signal(signals.capabilities, {
    options: [
      { number: maxMessageSize, value: writeUint(ownMessageBytesMax) },
      { number: blockWise, value: nothing },
    ],
  });

  return {
    receive,
    end,
    get bertBytes() {
      return peerBertBytes;
    },
    get underWay() {
      return underWay;
    },
    async ask(request, given) {
      const { token, name } = freshToken();
      try {
        return await exchange(request, token, name, given);
      } finally {
        waiting.delete(name);
      }
    },
    async *watch(request, given) {
      const { token, name } = freshToken();
      // RFC 8323 §7.1: the stream keeps their order.
      const news = notificationsOf(clock, { isOrdered: true });
      const onAbort = () => news.fail(given.reason as Error);
      const observe = (value: Uint8Array) => ({
        ...request,
        options: inOrder([...request.options, option('observe', value)]),
      });
      let isObserved = false;
      try {
        const first = await exchange(observe(nothing), token, name, given);
        isObserved = optionValue(first.options, 'observe') !== undefined;
        given.addEventListener('abort', onAbort, { once: true });
        waiting.set(name, { take: (content) => news.put(content), fail: (error) => news.fail(error) });
        yield first;
        if (isObserved) yield* news.all();
      } finally {
        given.removeEventListener('abort', onAbort);
        waiting.delete(name);
        // §7.4: there are no resets here; who wants no more says so.
        if (isObserved) send({ ...observe(Uint8Array.of(1)), token });
      }
    },
  };
}

const nameOf = (token: Uint8Array): string => String.fromCharCode(...token);
