/**
 * Streams of bytes, both ways, over a link of chunks. A session lasts while both ends do: chunks that are
 * lost, late or doubled, and a link that is gone for a while, cost time; the stream goes on at the chunk
 * where it stopped. Who starts anew draws another number, and the other end then knows that its session is
 * over.
 */
import type { Clock, Random } from '../system.ts';
import { TransportError } from '../transport-error.ts';
import type { Chunks } from './chunks.ts';
import type { Incoming } from './incoming.ts';
import { incoming } from './incoming.ts';
import { oneAlarm } from './one-alarm.ts';
import type { Outgoing } from './outgoing.ts';
import { outgoing } from './outgoing.ts';
import { roundTrip } from './round-trip.ts';
import type { RoundTrip } from './round-trip.ts';
import type { Segment } from './segment.ts';
import type { Consumer, Session } from './session.ts';
import { chunkBytesMin, dataHeadBytes, decodeSegment, encodeSegment, windowMax } from './segment.ts';

export interface StreamTiming {
  /** How long an answer of the link may take before it is asked for again, at least. */
  readonly answerMs: number;
  /** So long nothing is heard while something is wanted: then a session is over, or never began. */
  readonly silenceMsMax: number;
}

export interface StreamLinkOptions {
  readonly chunks: Chunks;
  readonly clock: Clock;
  readonly random: Random;
  readonly timing: StreamTiming;
  /** Segments that may be under way to here; 32 at most. */
  readonly window?: number;
  /** What takes in a session's bytes; made when it begins, whichever side has begun it. */
  readonly onSession: (session: Session) => Consumer;
}

export interface StreamLink {
  /** Begins a session, unless there is one. @throws {TransportError} where nobody answers for too long. */
  open(signal: AbortSignal): Promise<void>;
  goOn(): void;
  /** Ends the session; nothing is taken in any more. */
  close(): void;
}

interface Live {
  readonly me: number;
  readonly you: number;
  readonly out: Outgoing;
  readonly in: Incoming;
  readonly consumer: Consumer;
  readonly time: RoundTrip;
  /** With what number the other side's data began: one that draws the same number anew has another. */
  readonly theirFirst: number;
  /** The poll to answer; 0 tells the state unasked. */
  owed: number | undefined;
  /** Nothing more was read for now. */
  isHeld: boolean;
}

interface Opening {
  readonly me: number;
  readonly first: number;
  you?: { readonly number: number; readonly first: number; readonly window: number };
  isOwed: boolean;
}

/** Between two greetings that nobody answers. */
const greetingMsMax = 60_000;
const numberMax = 255;
const firstMax = 0xffff;

export function streamLink(options: StreamLinkOptions): StreamLink {
  const { chunks, clock, random, timing, onSession } = options;
  const window = Math.min(options.window ?? windowMax, windowMax);
  if (chunks.bytesMax < chunkBytesMin)
    throw new RangeError(`expected chunks of ${chunkBytesMin} bytes or more, found ${chunks.bytesMax}`);
  const waiting = new Set<{ readonly resolve: () => void; readonly reject: (error: Error) => void }>();
  let live: Live | undefined;
  let opening: Opening | undefined;
  let tries = 0;
  let quietSinceMs = clock.monotonicMs();
  let isSending = false;
  /** We have ended a session, and the other end does not know it yet. */
  let isLeaving = false;
  let isClosed = false;
  const alarm = oneAlarm(clock, onSilence);

  const draw = (max: number): number => 1 + Math.floor(random.fraction() * max);

  function beginOpening(): Opening {
    let me = draw(numberMax);
    while (me === live?.me || me === opening?.me) me = draw(numberMax);
    opening = { me, first: draw(firstMax), isOwed: true };
    return opening;
  }

  /** Whether anything is wanted of the other side. */
  const isWanting = () => waiting.size > 0 || isLeaving || live?.out.isWaiting === true;

  function setAlarm(): void {
    if (!isWanting()) return alarm.cancel();
    alarm.set(
      live === undefined ? Math.min(timing.answerMs * 2 ** tries, greetingMsMax) : live.time.answerMs,
    );
  }

  function onSilence(): void {
    if (isClosed || !isWanting()) return;
    // What waits for its turn in the air is not unanswered yet.
    if (isSending) return setAlarm();
    if (clock.monotonicMs() - quietSinceMs >= timing.silenceMsMax) return giveUp();
    if (live === undefined) {
      tries += 1;
      (opening ?? beginOpening()).isOwed = true;
    } else {
      live.out.repeat();
      live.time.backOff();
    }
    pump();
    setAlarm();
  }

  function giveUp(): void {
    const silent = `expected an answer on the line within ${timing.silenceMsMax} ms, found none`;
    endAll(new TransportError('no-answer', silent));
  }

  function endAll(error: Error): void {
    endLive(error);
    [opening, tries, isLeaving] = [undefined, 0, false];
    for (const { reject } of waiting) reject(error);
    waiting.clear();
    alarm.cancel();
  }

  function endLive(error: Error): void {
    const ended = live;
    live = undefined;
    ended?.consumer.end(error);
  }

  function begin({ me, first, you }: Opening): void {
    if (you === undefined) return;
    endLive(new TransportError('no-answer', 'expected an answer, found that the other side has begun anew'));
    const out = outgoing(first, Math.min(you.window, windowMax), chunks.bytesMax - dataHeadBytes);
    [opening, tries, isLeaving] = [undefined, 0, false];
    const session: Session = {
      send: (bytes) => {
        if (live?.out !== out && live !== undefined) return;
        if (!out.isWaiting) quietSinceMs = clock.monotonicMs();
        out.put(bytes);
        pump();
      },
      get pendingBytes() {
        return out.pendingBytes;
      },
      end: (error) => {
        if (live?.out !== out) return;
        endLive(error);
        // The other end may wait for something: it learns that there is another session.
        [isLeaving, quietSinceMs] = [true, clock.monotonicMs()];
        beginOpening();
        pump();
      },
    };
    const time = roundTrip(timing.answerMs);
    const consumer = onSession(session);
    const own = { me, out, consumer, time, owed: 0, isHeld: false };
    live = { ...own, you: you.number, theirFirst: you.first, in: incoming(you.first) };
    for (const { resolve } of waiting) resolve();
    waiting.clear();
    pump();
  }

  function greeted({ from, to, first, window: theirs }: Segment & { kind: 'greeting' }): void {
    if (live?.you === from && live.theirFirst === first) {
      // It has missed that this session has begun; or the greeting is late.
      if (to === live.me) live.owed ??= 0;
      return;
    }
    // The answer to a greeting of long ago is no reason to leave a session.
    if (live !== undefined && to !== 0 && to !== opening?.me) return;
    const own = opening ?? beginOpening();
    own.you = { number: from, first, window: theirs };
    if (to === own.me) begin(own);
    else own.isOwed = true;
  }

  function take(chunk: Uint8Array): void {
    const segment = isClosed ? undefined : decodeSegment(chunk);
    if (segment === undefined) return;
    if (segment.kind === 'greeting') greeted(segment);
    else {
      if (segment.to !== live?.me && segment.to === opening?.me) begin(opening);
      if (live !== undefined && segment.to === live.me) heard(live, segment);
      // Only data are answered, or two ends that have lost each other would tell their states for ever.
      else if (segment.kind === 'data' && live !== undefined) live.owed ??= 0;
      else if (segment.kind === 'data') (opening ?? beginOpening()).isOwed = true;
    }
    pump();
  }

  function heard(session: Live, segment: Segment): void {
    quietSinceMs = clock.monotonicMs();
    if (segment.kind === 'data') {
      session.in.take(segment.number, segment.bytes);
      if (segment.poll > 0) session.owed = segment.poll;
    } else if (segment.kind === 'state') {
      const acknowledged = session.out.acknowledge(segment, quietSinceMs);
      if (acknowledged?.tookMs !== undefined) session.time.measured(acknowledged.tookMs);
      if (acknowledged?.isNews === true) setAlarm();
    }
    goOn();
  }

  function goOn(): void {
    const session = live;
    if (session === undefined) return;
    const isReading = () => live === session && !session.consumer.isBusy;
    while (isReading()) {
      const bytes = session.in.read();
      if (bytes === undefined) break;
      session.consumer.receive(bytes);
    }
    // Whoever stopped reading has to say that it goes on; else the other side learns it by its next poll.
    if (session.isHeld && !session.consumer.isBusy) session.owed ??= 0;
    session.isHeld = session.consumer.isBusy;
    pump();
  }

  function nextSegment(): Segment | undefined {
    if (isClosed) return undefined;
    if (opening?.isOwed === true) {
      opening.isOwed = false;
      const { me: from, you, first } = opening;
      return { kind: 'greeting', from, to: you?.number ?? 0, first, window };
    }
    if (live === undefined) return undefined;
    const { you: to, owed: poll } = live;
    if (poll !== undefined) {
      live.owed = undefined;
      return { kind: 'state', poll, to, ...live.in.state };
    }
    const sent = live.out.next(clock.monotonicMs());
    return sent === undefined ? undefined : { kind: 'data', to, ...sent };
  }

  function pump(): void {
    if (!isSending && !isClosed) void send();
  }

  async function send(): Promise<void> {
    isSending = true;
    for (let segment = nextSegment(); segment !== undefined; segment = nextSegment()) {
      const [session, beforeMs] = [live, clock.monotonicMs()];
      await chunks.send(encodeSegment(segment));
      quietSinceMs += clock.monotonicMs() - beforeMs;
      if (segment.kind === 'data' && segment.poll > 0) session?.out.gone(segment.poll, clock.monotonicMs());
      if (segment.kind !== 'state') setAlarm();
    }
    isSending = false;
  }

  chunks.listen(take);

  return {
    async open(signal) {
      signal.throwIfAborted();
      if (isClosed) throw new TransportError('unreachable', 'expected an open line, found a closed one');
      if (live !== undefined) return;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const one = { resolve, reject };
      if (waiting.size === 0) quietSinceMs = clock.monotonicMs();
      waiting.add(one);
      const onAbort = () => {
        waiting.delete(one);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      (opening ?? beginOpening()).isOwed = true;
      pump();
      try {
        await promise;
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
    },
    goOn,
    close() {
      isClosed = true;
      endAll(new TransportError('no-answer', 'expected an answer, found that the line was closed'));
    },
  };
}
