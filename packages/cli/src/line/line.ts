/**
 * A line between a device core and its communicator: a serial device, or TCP in its place (a terminal
 * server, a tunnel). It may go away and come back; what is written meanwhile is lost, and the stream over
 * it sends it again.
 */

import { once } from 'node:events';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { Writable } from 'node:stream';
import type { Readable } from 'node:stream';
import { ReadStream, isatty } from 'node:tty';
import type { Clock } from '@lapel/transport';
import type { ByteLine } from '@lapel/transport/stream';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';

export interface Line extends ByteLine {
  readonly name: string;
  close(): void;
}

export const linesHelp = `
A line is one of
  /dev/ttyUSB0            a serial device, as it is set (stty), without echo
  tcp:HOST:PORT           a connection to a port, such as a terminal server's
  tcp-listen:PORT         a connection from this machine to a port`;

/** One connection at a time; while there is none, it is looked for so often. */
const againMs = 1_000;
/** Between two looks whether a device that is full takes more. */
const fullMs = 10;

interface Ends {
  readonly input: Readable;
  readonly output: Writable;
  destroy(): void;
}

/** @throws {CommandFailure} where the text names no line. */
export function openLine(text: string, clock: Clock, onState: (state: string) => void): Line {
  const reach = wayOf(text, clock);
  const closed = new AbortController();
  let ends: Ends | undefined;
  let take: (bytes: Uint8Array) => void = () => undefined;

  async function hold(): Promise<void> {
    let told = '';
    const tell = (state: string) => {
      if (state !== told) onState(state);
      told = state;
    };
    while (!closed.signal.aborted) {
      try {
        const reached = await reach(closed.signal);
        ends = reached;
        tell('connected');
        reached.input.on('data', (bytes: Buffer) =>
          take(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)),
        );
        await once(reached.input, 'close', { signal: closed.signal });
      } catch (error) {
        if (closed.signal.aborted) break;
        if (!(error instanceof Error)) throw error;
        tell(error.message);
      }
      ends?.destroy();
      ends = undefined;
      await clock.sleep(againMs, closed.signal).catch(() => undefined);
    }
    ends?.destroy();
  }

  const holding = hold();
  return {
    name: text,
    async write(bytes) {
      const output = ends?.output;
      if (output === undefined || output.destroyed || output.write(bytes)) return;
      await Promise.race([once(output, 'drain'), once(output, 'close')]).catch(() => undefined);
    },
    listen: (listener) => void (take = listener),
    close() {
      closed.abort(new Error('the line is closed'));
      void holding;
    },
  };
}

function wayOf(text: string, clock: Clock): (signal: AbortSignal) => Promise<Ends> {
  const to = /^tcp:(?<host>[^:]+|\[[^\]]+\]):(?<port>\d{1,5})$/.exec(text)?.groups;
  const at = /^tcp-listen:(?<port>\d{1,5})$/.exec(text)?.groups;
  const port = Number(to?.['port'] ?? at?.['port'] ?? 0);
  if (port <= 65_535 && to !== undefined) return () => overTcp(to['host'] ?? '', port);
  if (port <= 65_535 && at !== undefined) return listening(port);
  if (text.startsWith('/')) return async () => overDevice(text, clock);
  throw new CommandFailure(
    exitCodes.usage,
    `expected a line such as /dev/ttyUSB0 or tcp:HOST:PORT, found ${text}`,
  );
}

async function overTcp(host: string, port: number): Promise<Ends> {
  const socket = connect(port, host.replace(/^\[(?<address>.*)\]$/, '$<address>'));
  socket.setNoDelay(true);
  await once(socket, 'connect');
  socket.on('error', () => socket.destroy());
  return { input: socket, output: socket, destroy: () => socket.destroy() };
}

/**
 * One connection at a time is the line; one that broke without a word is found out by the system's probes.
 */
function listening(port: number): (signal: AbortSignal) => Promise<Ends> {
  let server: Server | undefined;
  return async (signal) => {
    if (server === undefined) {
      server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 10_000 });
      server.maxConnections = 1;
      server.listen(port, '127.0.0.1');
      signal.addEventListener('abort', () => server?.close(), { once: true });
    }
    const [socket] = (await once(server, 'connection', { signal })) as [Socket];
    socket.on('error', () => socket.destroy());
    return { input: socket, output: socket, destroy: () => socket.destroy() };
  };
}

function overDevice(path: string, clock: Clock): Ends {
  const handle = openSync(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  if (!isatty(handle)) {
    closeSync(handle);
    throw new CommandFailure(exitCodes.failed, `expected a serial device in ${path}, found something else`);
  }
  const [input, output] = [new ReadStream(handle), withoutBlocking(path, clock)];
  input.setRawMode(true);
  const destroy = () => {
    input.destroy();
    output.destroy();
  };
  for (const end of [input, output]) end.on('error', destroy);
  return { input, output, destroy };
}

/**
 * A device whose other end takes nothing is full after some kilobytes, and then the streams that Node has for
 * it hold the whole process up, which no signal would end.
 */
function withoutBlocking(path: string, clock: Clock): Writable {
  const handle = openSync(path, constants.O_WRONLY | constants.O_NOCTTY | constants.O_NONBLOCK);
  const over = new AbortController();
  let writing = Promise.resolve();

  async function writeAll(bytes: Buffer): Promise<void> {
    for (let left = bytes; left.length > 0 && !over.signal.aborted;) {
      try {
        left = left.subarray(writeSync(handle, left));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        await clock.sleep(fullMs, over.signal).catch(() => undefined);
      }
    }
  }

  return new Writable({
    write(bytes: Buffer, _, done) {
      writing = writeAll(bytes).then(() => done(), done);
    },
    destroy(error, done) {
      over.abort(new Error('the line is closed'));
      void writing.then(() => {
        closeSync(handle);
        done(error);
      });
    },
  });
}
