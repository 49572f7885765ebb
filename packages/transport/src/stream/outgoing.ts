/**
 * The half of a stream that sends: bytes are cut into segments, at most a window of which is not
 * acknowledged. The last one that may be sent for now, and each in the middle of a window, asks for the
 * state of the other side; what was sent before such a poll and is not in its answer is lost, and is sent
 * again.
 */
import { after, pollMax, stepsTo } from './segment.ts';

export interface Outgoing {
  /** Bytes that are not acknowledged, or not even sent. */
  readonly pendingBytes: number;
  /** Whether anything was sent that is not acknowledged yet. */
  readonly isWaiting: boolean;
  put(bytes: Uint8Array): void;
  /** What to send now. */
  next(nowMs: number): OutgoingSegment | undefined;
  /**
   * The state of the other side. Undefined for one that cannot be; else how long its poll took, where
   * known.
   */
  acknowledge(state: State, nowMs: number): Acknowledged | undefined;
  /** The segment with this poll has left only now. */
  gone(poll: number, nowMs: number): void;
  /** No answer came: the oldest segment goes out again, and asks. */
  repeat(): void;
}

export interface OutgoingSegment {
  readonly number: number;
  readonly poll: number;
  readonly bytes: Uint8Array;
}

interface State {
  readonly poll: number;
  readonly next: number;
  readonly there: number;
}

export interface Acknowledged {
  readonly isNews: boolean;
  readonly tookMs?: number;
}

interface Sent {
  readonly bytes: Uint8Array;
  /** Of its last transmission, among all. */
  order: number;
  isThere: boolean;
  isLost: boolean;
}

export function outgoing(first: number, window: number, segmentBytes: number): Outgoing {
  const queue: Uint8Array[] = [];
  let queuedBytes = 0;
  let flightBytes = 0;
  /** Those from `base` on, in their order. */
  const flight: Sent[] = [];
  let base = first;
  let order = 0;
  let poll = 0;
  let sincePoll = 0;
  let mustPoll = false;
  const polls = new Map<number, { readonly order: number; readonly atMs: number }>();

  function fill(): Uint8Array {
    const bytes = new Uint8Array(Math.min(segmentBytes, queuedBytes));
    for (let at = 0; at < bytes.length;) {
      const [chunk = bytes] = queue;
      const part = chunk.subarray(0, bytes.length - at);
      bytes.set(part, at);
      at += part.length;
      if (part.length === chunk.length) queue.shift();
      else queue[0] = chunk.subarray(part.length);
    }
    queuedBytes -= bytes.length;
    flightBytes += bytes.length;
    return bytes;
  }

  const isRoom = () => flight.length < window && queuedBytes > 0;

  function pollFor(nowMs: number): number {
    sincePoll += 1;
    const isLast = !isRoom() && !flight.some(({ isLost }) => isLost);
    if (!isLast && !mustPoll && sincePoll < Math.ceil(window / 2)) return 0;
    [sincePoll, mustPoll] = [0, false];
    poll = (poll % pollMax) + 1;
    polls.set(poll, { order, atMs: nowMs });
    return poll;
  }

  function drop(count: number): void {
    for (const { bytes } of flight.splice(0, count)) flightBytes -= bytes.length;
    base = after(base, count);
  }

  return {
    get pendingBytes() {
      return queuedBytes + flightBytes;
    },
    get isWaiting() {
      return flight.length > 0;
    },
    put(bytes) {
      if (bytes.length === 0) return;
      queue.push(bytes);
      queuedBytes += bytes.length;
    },
    next(nowMs) {
      let at = flight.findIndex(({ isLost }) => isLost);
      if (at < 0) {
        if (!isRoom()) return undefined;
        at = flight.push({ bytes: fill(), order: 0, isThere: false, isLost: false }) - 1;
      }
      const sent = flight[at];
      if (sent === undefined) return undefined;
      order += 1;
      sent.order = order;
      sent.isLost = false;
      return { number: after(base, at), poll: pollFor(nowMs), bytes: sent.bytes };
    },
    acknowledge({ poll: answered, next, there }, nowMs) {
      const steps = stepsTo(base, next);
      // Late, or never sent: an older state says nothing that is not known.
      if (steps > flight.length) return undefined;
      let isNews = steps > 0;
      drop(steps);
      flight.forEach((sent, index) => {
        if (sent.isThere || ((there >>> index) & 1) === 0) return;
        [sent.isThere, sent.isLost, isNews] = [true, false, true];
      });
      const asked = answered === 0 ? undefined : polls.get(answered);
      if (asked === undefined) return { isNews };
      polls.delete(answered);
      for (const sent of flight) if (!sent.isThere && sent.order <= asked.order) sent.isLost = true;
      return { isNews, tookMs: nowMs - asked.atMs };
    },
    gone(asked, nowMs) {
      const found = polls.get(asked);
      if (found !== undefined) polls.set(asked, { ...found, atMs: nowMs });
    },
    repeat() {
      const [oldest] = flight;
      if (oldest === undefined) return;
      oldest.isLost = true;
      mustPoll = true;
    },
  };
}
