/**
 * One end of a narrow link as the house speaks: it answers the other end by a Handler, and asks it as one.
 * Between them are messages of CoAP on a reliable stream (RFC 8323), with their blocks (RFC 7959); the
 * stream is `stream-link.ts`.
 */
import type { BlockServerLimits } from '../coap/block-server.ts';
import { blockServer } from '../coap/block-server.ts';
import { blockClient } from '../coap/block-client.ts';
import { subscribing } from '../coap/observe-client.ts';
import type { Subscribe } from '../coap/observe-server.ts';
import { patiently } from '../coap/patiently.ts';
import type { StreamConnection } from '../coap/stream-connection.ts';
import { streamConnection } from '../coap/stream-connection.ts';
import type { Handler, Request, Response } from '../exchange.ts';
import type { Clock, Random } from '../system.ts';
import { TransportError } from '../transport-error.ts';
import type { Chunks } from './chunks.ts';
import type { Consumer, Session } from './session.ts';
import type { StreamTiming } from './stream-link.ts';
import { streamLink } from './stream-link.ts';

export interface PeerTiming extends StreamTiming {
  /** So long an answer of the other end may take as a whole. */
  readonly answerMsMax: number;
}

/** For links of three kinds; a radio with a duty cycle may have to wait for hours before it may answer. */
export const streamTimings = {
  line: { answerMs: 200, silenceMsMax: 20_000, answerMsMax: 92_000 },
  nearby: { answerMs: 500, silenceMsMax: 60_000, answerMsMax: 300_000 },
  wideArea: { answerMs: 10_000, silenceMsMax: 43_200_000, answerMsMax: 86_400_000 },
} as const satisfies Record<string, PeerTiming>;

/** Of the other end, at once; and what it does not take of the answers. Devices are small. */
const [requestsMax, pendingBytesMax] = [8, 32 * 1024];

/** One other end, which has little to ask. */
const limits: BlockServerLimits = {
  heldBytesMax: 256 * 1024,
  uploadsMax: 4,
  uploadsPerSenderMax: 4,
  idleMsMax: 86_400_000,
};

export interface StreamPeerOptions {
  readonly chunks: Chunks;
  readonly clock: Clock;
  readonly random: Random;
  readonly timing: PeerTiming;
  /** What the other end may ask; without it, every request of it ends the session. */
  readonly serve?: Handler;
  readonly subscribe?: Subscribe;
  /** 0 to 6: no block is larger than 2^(szx + 4) bytes. */
  readonly szx?: number;
  /** Segments under way to here. */
  readonly window?: number;
  readonly onBug: (error: unknown) => void;
}

export interface StreamPeer {
  /** Asks the other end. */
  readonly ask: Handler;
  /** What a resource is, and each time what it has become (RFC 7641). */
  subscribe(request: Request): AsyncIterable<Response>;
  close(): void;
}

export function streamPeer(options: StreamPeerOptions): StreamPeer {
  const { clock, random, timing, serve, subscribe, szx, onBug } = options;
  const observed = subscribe === undefined ? {} : { subscribe };
  const respond =
    serve === undefined ? {} : { respond: blockServer(serve, { clock, limits, onBug, ...observed }) };
  let current: StreamConnection | undefined;
  /** So that what is left of one session is no part of the next one. */
  let sessions = 0;

  function onSession(session: Session): Consumer {
    sessions += 1;
    const stream = {
      send: (bytes: Uint8Array) => session.send(bytes),
      close: () => session.end(new TransportError('no-answer', 'expected an answer, found the end')),
    };
    const connection = streamConnection({
      ...{ stream, key: `session ${sessions}`, clock, random, onBug, ...respond },
      onAnswered: () => link.goOn(),
    });
    current = connection;
    return {
      receive: (bytes) => connection.receive(bytes),
      end(error) {
        if (current === connection) current = undefined;
        connection.end(error);
      },
      get isBusy() {
        return connection.underWay >= requestsMax || session.pendingBytes > pendingBytesMax;
      },
    };
  }

  const link = streamLink({ ...options, onSession });

  async function connected(signal: AbortSignal): Promise<StreamConnection> {
    await link.open(signal);
    if (current !== undefined) return current;
    throw new TransportError('no-answer', 'expected an answer, found that the session has ended');
  }

  const carrier = {
    ask: (...[request, signal]: Parameters<StreamConnection['ask']>) =>
      patiently(clock, timing.answerMsMax, signal, async (until) =>
        (await connected(until)).ask(request, until),
      ),
    async *watch(...[request, signal]: Parameters<StreamConnection['watch']>) {
      yield* (await connected(signal)).watch(request, signal);
    },
  };
  const blocks = { random, ...(szx === undefined ? {} : { szx }) };
  return {
    ask: blockClient(carrier.ask, blocks),
    subscribe: subscribing(carrier.watch, carrier.ask, blocks),
    close: () => link.close(),
  };
}
