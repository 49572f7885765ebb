/**
 * Bodies and sockets that the tests of this room share: streams of a known content, and peers that speak
 * raw HTTP.
 */
import { createServer, connect } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import type { Body, Handler, HttpServer, ServeHttpOptions } from '@lapel/transport';
import { serveHttp } from '@lapel/transport';

export const utf8 = (text: string) => new TextEncoder().encode(text);
export const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** `count` chunks of `size` bytes, each filled with its number. */
export async function* chunks(
  count: number,
  size: number,
  pull: (index: number) => void = () => undefined,
): Body {
  for (let index = 0; index < count; index++) {
    pull(index);
    yield new Uint8Array(size).fill(index);
  }
}

/** Fails the test that it runs in: nothing in these tests may be answered by an unexpected error. */
export const noBug = (error: unknown): void => {
  throw new Error('expected no mistake of ours, found one', { cause: error });
};

export async function served(
  context: TestContext,
  handler: Handler,
  options: Partial<ServeHttpOptions> = {},
): Promise<HttpServer> {
  const server = await serveHttp(handler, { port: 0, onBug: noBug, ...options });
  context.after(() => server.close(0));
  return server;
}

/** A server that says exactly what it is told to, right or wrong, once it has heard the end of a head. */
export async function rawServer(context: TestContext, speak: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => speak(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Sends these bytes, and resolves with all that comes back until the server closes or `enough` says so. */
export function rawClient(
  port: number,
  sent: string,
  enough: (answer: string) => boolean = () => false,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(sent));
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (enough(answer)) socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}
