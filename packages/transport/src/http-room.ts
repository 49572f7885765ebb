/**
 * Room for whoever comes when all connections are taken: who has owed the rest of a request for the longest
 * time goes. So many that drip their headers or bodies shut nobody out who speaks at once.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

interface Connection {
  /** Below TLS, where there is TLS. */
  readonly socket: Socket;
  /** The one under way; undefined before its header is whole. */
  request: IncomingMessage | undefined;
  /** Between two requests, where nothing was asked that could be answered. */
  isIdle: boolean;
}

/** Those that were told to go count for a moment longer. */
const closingMax = 256;
/** RFC 9110 §15.5.9. */
const tooSlow = 'HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n';

export function makeRoom(server: Server, connectionsMax: number, isTls: boolean): void {
  /** Who has waited longest is first. */
  const open = new Map<string, Connection>();
  server.maxConnections = connectionsMax + closingMax;

  function dismiss(name: string, { socket, isIdle }: Connection): void {
    open.delete(name);
    if (isTls || isIdle) socket.destroy();
    else {
      socket.write(tooSlow);
      socket.destroySoon();
    }
  }

  /** Nobody goes who waits for us, with a request that is whole. */
  function dismissSlowest(): void {
    for (const [name, connection] of open) {
      if (connection.request?.complete === true) continue;
      return dismiss(name, connection);
    }
  }

  server.on('connection', (socket: Socket) => {
    if (open.size >= connectionsMax) dismissSlowest();
    if (open.size >= connectionsMax) return void socket.destroy();
    const name = nameOf(socket);
    const connection: Connection = { socket, request: undefined, isIdle: false };
    open.set(name, connection);
    socket.once('close', () => {
      if (open.get(name)?.socket === socket) open.delete(name);
    });
  });
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    const name = nameOf(request.socket);
    const connection = open.get(name);
    if (connection === undefined) return;
    connection.request = request;
    connection.isIdle = false;
    response.once('close', () => {
      if (open.get(name) !== connection || connection.request !== request) return;
      connection.request = undefined;
      connection.isIdle = true;
      open.delete(name);
      open.set(name, connection);
    });
  });
}

/** The same above TLS and below it. */
const nameOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
