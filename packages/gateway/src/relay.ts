/**
 * Store and forward (RFC 9019 §2.3): what devices report is passed upstream, and where nobody there can be
 * reached, kept on disk until somebody can. A report that was answered is not lost, whenever the process or
 * the power ends; it proves itself, so whoever carries it need not be trusted. A check-in wants a receipt,
 * which only the tracker can sign: it is passed on later all the same, and its device told to ask again.
 */
import type { Clock, Handler, Random, Request, Response } from '@lapel/transport';
import {
  Problem,
  TransportError,
  bytesBody,
  collect,
  emptyBody,
  receive,
  request,
  withDeadline,
} from '@lapel/transport';
import { mediaTypes, messageBytesMax, reportBytesMax } from '@lapel/status-tracker/protocol';
import { isPassedOn, trailOf } from './loop.ts';
import type { Message, MessageKind, Outbox } from './outbox.ts';
import { nameOf } from './outbox.ts';

export interface RelayOptions {
  readonly outbox: Outbox;
  readonly upstream: Handler;
  readonly clock: Clock;
  readonly random: Random;
  readonly onNotice: (text: string) => void;
}

export interface Relay {
  /** @throws {Problem} */
  take(asked: Request, kind: MessageKind): Promise<Response>;
  /** Forwards what waits, until the signal. */
  run(signal: AbortSignal): Promise<void>;
}

export const messageKinds = {
  reports: { path: '/reports', contentType: mediaTypes.report, bytesMax: reportBytesMax },
  'check-in': { path: '/check-in', contentType: mediaTypes.cose, bytesMax: messageBytesMax },
} as const satisfies Record<MessageKind, object>;

/** A device that waits for its answer is not kept longer; then the message is kept. */
const answerMsMax = 10_000;
const backOffMs = { first: 1000, max: 60_000 } as const;
/** A server that fails on one message and on no other would keep all those behind it. */
const attemptsMax = 20;
const answerBytesMax = 64 * 1024;
/** Messages that were sent on; 100 bytes each. */
const sentMax = 10_000;

export function createRelay({ outbox, upstream, clock, random, onNotice }: RelayOptions): Relay {
  const attempts = new Map<string, number>();
  const sent = recently(sentMax);

  async function send(kind: MessageKind, bytes: Uint8Array, way: Way): Promise<Response> {
    const { path, contentType } = messageKinds[kind];
    const { signal, trail = {} } = way;
    const headers = { 'content-type': contentType, ...trail };
    const response = await upstream(request('POST', path, { headers, body: bytesBody(bytes), signal }));
    const answer = await collect(response.body, answerBytesMax);
    return { ...response, size: answer.length, body: answer.length === 0 ? emptyBody : bytesBody(answer) };
  }

  /** Undefined where there is no verdict yet. */
  async function verdict(kind: MessageKind, bytes: Uint8Array, way: Way) {
    const { signal } = way;
    try {
      const response = await send(kind, bytes, way);
      return isPassing(response) ? undefined : response;
    } catch (error) {
      if (signal.aborted || error instanceof TransportError) return undefined;
      throw error;
    }
  }

  async function verdictInTime(kind: MessageKind, bytes: Uint8Array, trail: NonNullable<Way['trail']>) {
    try {
      return await withDeadline(clock, answerMsMax, undefined, async (signal) =>
        verdict(kind, bytes, { signal, trail }),
      );
    } catch (error) {
      if (error instanceof TransportError) return undefined;
      throw error;
    }
  }

  async function forward(message: Message, signal: AbortSignal): Promise<boolean> {
    sent.add(message.digest);
    const response = await verdict(message.kind, await outbox.read(message), { signal });
    signal.throwIfAborted();
    // Where all ways lead back here there may be another one later.
    if (response === undefined || response.status === 'loop-detected') {
      const count = (attempts.get(message.file) ?? 0) + 1;
      attempts.set(message.file, count);
      if (count % attemptsMax === 0) outbox.putBack(message);
      return false;
    }
    attempts.delete(message.file);
    await outbox.remove(message);
    // An older check-in behind a newer one is refused, and nothing is lost with it.
    const isRefused = !['ok', 'created', 'changed'].includes(response.status);
    if (isRefused && message.kind === 'reports') {
      onNotice(`a report that was kept is refused upstream, and dropped: ${response.status}`);
    }
    return true;
  }

  return {
    async take(asked, kind) {
      const bytes = await receive(asked, messageKinds[kind].bytesMax);
      const digest = nameOf(bytes);
      const isBack = isPassedOn(asked) && sent.has(digest);
      sent.add(digest);
      // What waits already goes first: so a tracker hears it in order.
      const isFirst = kind === 'check-in' || outbox.count('reports') === 0;
      const response = isFirst ? await verdictInTime(kind, bytes, trailOf(asked)) : undefined;
      if (response !== undefined) return response;
      // Else two gateways that reach nobody but each other would keep it in turns.
      if (isBack)
        throw new Problem('loop-detected', 'expected a message that is new here, found it come back');
      await outbox.add(kind, bytes);
      if (kind === 'reports') return { status: 'changed', size: 0, body: emptyBody };
      throw new Problem('unavailable', 'the status tracker cannot be reached; what was told is kept for it');
    },

    async run(signal) {
      for (let fruitless = 0; !signal.aborted;) {
        const message = outbox.first();
        if (message === undefined) {
          await outbox.added(signal);
          fruitless = 0;
          continue;
        }
        if (await forward(message, signal)) {
          fruitless = 0;
          continue;
        }
        const longest = Math.min(backOffMs.max, backOffMs.first * 2 ** Math.min(fruitless, 10));
        fruitless += 1;
        await clock.sleep(longest * (0.5 + random.fraction() / 2), signal);
      }
    },
  };
}

interface Way {
  readonly signal: AbortSignal;
  /** Through whom it has come. */
  readonly trail?: Record<string, string>;
}

/** What another gateway has kept says no more through whom it came; so it is known by itself. */
function recently(max: number) {
  const digests = new Set<string>();
  return {
    has: (digest: string) => digests.has(digest),
    add(digest: string) {
      digests.delete(digest);
      digests.add(digest);
      const [oldest] = digests;
      if (digests.size > max && oldest !== undefined) digests.delete(oldest);
    },
  };
}

const isPassing = ({ status }: Response) =>
  ['unavailable', 'too-many-requests', 'internal-error', 'storage-full'].includes(status);
