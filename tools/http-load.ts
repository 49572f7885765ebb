/**
 * The client of the HTTP figures, in a thread of its own so that the server's thread is what is measured:
 * it speaks just enough HTTP to ask again and again over kept connections, and costs the same whatever
 * server it talks to.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

export interface Load {
  readonly port: number;
  /** Whole requests; they take turns. */
  readonly requests: readonly Uint8Array[];
  readonly connections: number;
  readonly exchanges: number;
  /** At what rate they fall due, whether or not those before were answered; else as fast as it goes. */
  readonly perSecond?: number;
  /** Whether the answers are wanted, not only that there are some. */
  readonly keepsBodies?: boolean;
}

export interface LoadResult {
  readonly exchanges: number;
  readonly bodyBytes: number;
  readonly elapsedMs: number;
  /** From when a request was due until its answer was whole. */
  readonly p99Ms: number;
  /** In the order of their requests; none where nobody wanted them. */
  readonly bodies: readonly Uint8Array[];
}

/** A client that asks whatever it is given. A request that is answered with a failure fails the figure. */
export function loadClient() {
  const worker = new Worker(new URL(import.meta.url));
  return {
    async ask(load: Load): Promise<LoadResult> {
      worker.postMessage(load);
      const [result] = (await once(worker, 'message')) as [LoadResult];
      return result;
    },
    close: async () => worker.terminate(),
  };
}

/** One request as it goes over the wire. */
export function requestBytes(
  line: string,
  fields: Readonly<Record<string, string>>,
  body: Uint8Array = new Uint8Array(),
): Uint8Array {
  const given = { host: 'x', ...fields, ...(body.length === 0 ? {} : { 'content-length': body.length }) };
  const head = Object.entries(given).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`${line} HTTP/1.1\r\n${head.join('')}\r\n`), body]);
}

if (!isMainThread) {
  parentPort?.on('message', (load: Load) => {
    run(load).then(
      (result) => parentPort?.postMessage(result),
      (error: unknown) => {
        throw error;
      },
    );
  });
}

async function run(load: Load): Promise<LoadResult> {
  const { connections, exchanges, perSecond, keepsBodies = false } = load;
  const started = performance.now();
  const latencies = new Float64Array(exchanges);
  const bodies: Uint8Array[] = [];
  let next = 0;
  let bodyBytes = 0;
  /** When a request is due, counted from the start; undefined where all have been sent. */
  const take = () => (next < exchanges ? { number: next++ } : undefined);
  const dueMs = (number: number) => (perSecond === undefined ? 0 : (number * 1000) / perSecond);
  await Promise.all(
    Array.from({ length: connections }, () =>
      ask(load, {
        take() {
          const taken = take();
          if (taken === undefined) return undefined;
          const waitMs = started + dueMs(taken.number) - performance.now();
          const sinceMs = perSecond === undefined ? performance.now() : started + dueMs(taken.number);
          return { ...taken, waitMs, sinceMs };
        },
        answered({ number, sinceMs }, body) {
          latencies[number] = performance.now() - sinceMs;
          for (const piece of body) bodyBytes += piece.length;
          if (keepsBodies) bodies[number] = Buffer.concat(body);
        },
      }),
    ),
  );
  const elapsedMs = performance.now() - started;
  const p99Ms = latencies.sort()[Math.floor(exchanges * 0.99)] ?? NaN;
  return { exchanges, bodyBytes, elapsedMs, p99Ms, bodies };
}

interface Turn {
  readonly number: number;
  readonly waitMs: number;
  readonly sinceMs: number;
}

interface Turns {
  take(): Turn | undefined;
  answered(turn: Turn, body: readonly Uint8Array[]): void;
}

/** One connection, until there is nothing left to ask. */
function ask({ port, requests }: Load, turns: Turns): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const state: { turn: Turn | undefined; left: number; inBody: boolean; body: Uint8Array[] } = {
      ...{ turn: undefined, left: 0, inBody: false, body: [] },
    };
    const next = () => {
      Object.assign(state, { turn: turns.take(), inBody: false, body: [] });
      const { turn } = state;
      if (turn === undefined) return void socket.end();
      const send = () => void socket.write(requests[turn.number % requests.length] ?? '');
      if (turn.waitMs > 0) setTimeout(send, turn.waitMs);
      else send();
    };
    socket.setNoDelay(true);
    socket.on('connect', next);
    socket.on('error', reject);
    socket.on('close', () => resolve());
    socket.on('data', (chunk) => {
      let content: Uint8Array = chunk;
      if (!state.inBody) {
        const end = chunk.indexOf('\r\n\r\n');
        if (end < 0) return reject(new Error('expected a head in one piece, found a part of it'));
        const head = chunk.toString('latin1', 0, end);
        if (!/^HTTP\/1\.1 (?:2\d\d|304) /.test(head))
          return reject(new Error(`expected an answer, found ${chunk.toString()}`));
        Object.assign(state, { inBody: true, left: lengthIn(head) });
        content = chunk.subarray(end + 4);
      }
      state.left -= content.length;
      state.body.push(content);
      if (state.left > 0 || state.turn === undefined) return;
      turns.answered(state.turn, state.body);
      next();
    });
  });
}

const lengthIn = (head: string) =>
  Number(/content-length: (?<length>\d+)/i.exec(head)?.groups?.['length'] ?? 0);
