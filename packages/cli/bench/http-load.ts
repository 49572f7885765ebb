/**
 * The client of the HTTP figures, in a thread of its own so that the server's thread is what is measured:
 * it speaks just enough HTTP to ask again and again over kept connections, and costs the same whatever
 * server it talks to.
 */
import { connect } from 'node:net';
import { parentPort } from 'node:worker_threads';

export interface Load {
  readonly port: number;
  readonly head: string;
  readonly connections: number;
  /** Exchanges over each connection. */
  readonly exchanges: number;
}

export interface LoadResult {
  readonly exchanges: number;
  readonly bodyBytes: number;
  readonly elapsedMs: number;
}

parentPort?.on('message', (load: Load) => {
  const started = performance.now();
  const each = Array.from({ length: load.connections }, () => ask(load));
  Promise.all(each).then(
    (bodies) => {
      const bodyBytes = bodies.reduce((sum, bytes) => sum + bytes, 0);
      const exchanges = load.connections * load.exchanges;
      parentPort?.postMessage({
        exchanges,
        bodyBytes,
        elapsedMs: performance.now() - started,
      } satisfies LoadResult);
    },
    (error: unknown) => {
      throw error;
    },
  );
});

/** Resolves with the number of body bytes that came. */
function ask({ port, head, exchanges }: Load): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const state = { left: exchanges, bodyLeft: 0, inBody: false, bodyBytes: 0 };
    const next = () => {
      state.inBody = false;
      if (state.left-- > 0) socket.write(head);
      else socket.end();
    };
    socket.setNoDelay(true);
    socket.on('connect', next);
    socket.on('error', reject);
    socket.on('close', () => resolve(state.bodyBytes));
    socket.on('data', (chunk) => {
      let content = chunk.length;
      if (!state.inBody) {
        const end = chunk.indexOf('\r\n\r\n');
        if (end < 0) return reject(new Error('expected a head in one piece, found a part of it'));
        state.inBody = true;
        state.bodyLeft = lengthIn(chunk.toString('latin1', 0, end));
        content -= end + 4;
      }
      state.bodyLeft -= content;
      state.bodyBytes += content;
      if (state.bodyLeft === 0) next();
    });
  });
}

const lengthIn = (head: string) =>
  Number(/content-length: (?<length>\d+)/i.exec(head)?.groups?.['length'] ?? 0);
