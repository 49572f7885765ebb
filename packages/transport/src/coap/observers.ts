/**
 * Who observes what (RFC 7641 §4): each a source of notifications that is read at the pace of its observer,
 * who is asked now and then whether it is still there.
 */
import type { Clock } from '../system.ts';
import type { Content } from './message.ts';
import { encodeMessage, inOrder, messageTypes } from './message.ts';
import { uint, without } from './option.ts';
import { classOf } from './code.ts';
import type { Reliability } from './reliability.ts';

export interface Observers {
  /** @param isStranger nothing proves its address: until it acknowledges a notification, each is its last */
  begin(peer: string, token: Uint8Array, notifications: AsyncIterable<Content>, isStranger: boolean): void;
  /** Whether there may be one more, or this is one already. */
  hasRoom(peer: string, token: Uint8Array): boolean;
  end(peer: string, token: Uint8Array): void;
  /** A reset: the observer does not know the message with this number (§4.2). */
  reset(peer: string, id: number): void;
  close(): void;
}

export interface ObserversOptions {
  readonly clock: Clock;
  readonly reliability: Reliability;
  readonly send: (bytes: Uint8Array, to: string) => void;
  readonly limits: ObserverLimits;
  readonly onBug: (error: unknown) => void;
}

/** §4.5: at least once in 24 hours, and here much more often: a binding of a NAT lives for minutes. */
const confirmableEvery = 5;
const confirmableMs = 60_000;

export interface ObserverLimits {
  readonly observersMax: number;
  readonly observersPerPeerMax: number;
}

interface Observer {
  readonly peer: string;
  readonly token: Uint8Array;
  readonly source: AsyncIterator<Content>;
  isOver: boolean;
  isStranger: boolean;
  lastId: number | undefined;
  delivery: { cancel(): void } | undefined;
}

export function createObservers({ clock, reliability, send, limits, onBug }: ObserversOptions): Observers {
  const observers = new Map<string, Observer>();
  const countByPeer = new Map<string, number>();

  function count(peer: string, more: 1 | -1): void {
    const left = (countByPeer.get(peer) ?? 0) + more;
    if (left === 0) countByPeer.delete(peer);
    else countByPeer.set(peer, left);
  }

  function stop(key: string, observer: Observer): void {
    if (observer.isOver) return;
    observer.isOver = true;
    count(observer.peer, -1);
    observer.delivery?.cancel();
    if (observers.get(key) === observer) observers.delete(key);
    observer.source.return?.().catch(onBug);
  }

  async function run(key: string, observer: Observer): Promise<void> {
    const { peer, token, source } = observer;
    let unconfirmed = 0;
    let confirmedMs = clock.monotonicMs();
    for (;;) {
      const read = await source.next();
      if (observer.isOver) return;
      if (read.done === true) return stop(key, observer);
      const content = read.value;
      const isLast = classOf(content.code) !== 2;
      const now = clock.monotonicMs();
      unconfirmed += 1;
      if (
        isLast ||
        observer.isStranger ||
        unconfirmed >= confirmableEvery ||
        now - confirmedMs >= confirmableMs
      ) {
        const isThere = await confirmed(observer, content);
        if (!isThere || isLast) return stop(key, observer);
        observer.isStranger = false;
        unconfirmed = 0;
        confirmedMs = clock.monotonicMs();
        continue;
      }
      observer.lastId = reliability.nextId(peer);
      const type = messageTypes.nonConfirmable;
      send(encodeMessage({ ...content, type, id: observer.lastId, token }), peer);
    }
  }

  /** §4.5: an observer who does not acknowledge is gone. */
  const confirmed = (observer: Observer, content: Content): Promise<boolean> =>
    new Promise((resolve) => {
      const { peer, token, isStranger: isOnce } = observer;
      const outcome = { acknowledged: () => resolve(true), failed: () => resolve(false) };
      observer.delivery = reliability.deliver({ ...content, token }, peer, outcome, { isOnce });
    });

  return {
    hasRoom: (peer, token) =>
      observers.has(keyOf(peer, token)) ||
      (observers.size < limits.observersMax && (countByPeer.get(peer) ?? 0) < limits.observersPerPeerMax),
    begin(peer, token, notifications, isStranger) {
      const key = keyOf(peer, token);
      const source = notifications[Symbol.asyncIterator]();
      const observer: Observer = {
        peer,
        token,
        source,
        isOver: false,
        isStranger,
        lastId: undefined,
        delivery: undefined,
      };
      observers.set(key, observer);
      count(peer, 1);
      run(key, observer).catch((error: unknown) => {
        onBug(error);
        stop(key, observer);
      });
    },
    end(peer, token) {
      if (observers.size === 0) return;
      const key = keyOf(peer, token);
      const observer = observers.get(key);
      if (observer !== undefined) stop(key, observer);
    },
    reset(peer, id) {
      for (const [key, observer] of observers)
        if (observer.peer === peer && observer.lastId === id) return stop(key, observer);
    },
    close() {
      for (const [key, observer] of observers) stop(key, observer);
    },
  };
}

const keyOf = (peer: string, token: Uint8Array): string => `${peer}#${String.fromCharCode(...token)}`;

/** §4.4: numbers that grow with time, so that they outlive a restart; 24 bits, in units of 1/256 s. */
export const sequenceNumber = (clock: Clock): number => Math.floor(clock.wallMs() / (1000 / 256)) % 2 ** 24;

export const numbered = (content: Content, number: number): Content => ({
  ...content,
  options: inOrder([...without(content.options, 'observe'), uint('observe', number)]),
});
