/** Datagrams by node:dgram. Addresses are written `127.0.0.1:5683` and `[::1]:5683`. */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIP, isIPv6 } from 'node:net';
import type { Datagrams } from './datagrams.ts';

export interface Udp extends Datagrams {
  readonly port: number;
  /** Hears, from now on, what is sent to the group, too. */
  join(group: Group): void;
}

export interface Group {
  /** Such as 224.0.1.187 or ff05::fd; one of the link, such as ff02::fd, with its zone. */
  readonly address: string;
  readonly port: number;
  /** Our own addresses on the networks where the group is; without one the system chooses. */
  readonly networks?: readonly string[];
}

/** Of the socket, where the system grants it: a burst of requests must not be lost before it is read. */
const bufferBytes = 4 * 1024 * 1024;

export async function udpServer({ host, port }: { host: string; port: number }): Promise<Udp> {
  const socket = createSocket({
    type: isIPv6(host) ? 'udp6' : 'udp4',
    lookup: alreadyAddress,
    recvBufferSize: bufferBytes,
    sendBufferSize: bufferBytes,
  });
  await opened(socket, (done) => socket.bind({ port, address: host, exclusive: true }, done));
  return sending(socket);
}

/** Sends to whoever an address names. */
export function sending(socket: Socket): Udp {
  const parse = addresses();
  const isOfIPv6 = isIPv6(socket.address().address);
  return {
    ...datagramsOf(socket),
    port: socket.address().port,
    join: (group) => join(socket, group),
    send(bytes, to) {
      const { address, port } = parse(to);
      // RFC 4291 §2.5.5.2: as a socket of both families names those of IPv4.
      const named = isOfIPv6 && !isIPv6(address) ? `::ffff:${address}` : address;
      // Whether it could be sent nobody needs to know: what is lost comes again.
      socket.send(bytes, port, named, () => undefined);
    },
  };
}

/**
 * A socket for one server. It hears nobody else, and it is told where nobody listens there (RFC 7252 §4.2:
 * the system checks that such an error speaks of our own datagram).
 */
export async function udpClient({
  host,
  port,
}: {
  host: string;
  port: number;
}): Promise<Datagrams & { readonly to: string; readonly port: number }> {
  const { address, family } = isIP(host) === 0 ? await lookup(host) : { address: host, family: isIP(host) };
  const socket = createSocket({ type: family === 6 ? 'udp6' : 'udp4', lookup: alreadyAddress });
  await opened(socket, (done) => socket.connect(port, address, done));
  // A socket that waits for nothing must not keep a process alive; a request that waits has the clock's
  // timer.
  socket.unref();
  return {
    ...datagramsOf(socket),
    to: addressText(address, port),
    port: socket.address().port,
    send: (bytes) => socket.send(bytes, () => undefined),
  };
}

export function join(socket: Socket, { address, networks = [] }: Group): void {
  const group = withoutZone(address);
  if (networks.length === 0) socket.addMembership(group);
  for (const network of networks) socket.addMembership(group, network);
}

export const withoutZone = (address: string): string => address.replace(/%.*$/, '');

export const addressText = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

const datagramsOf = (socket: Socket): Omit<Datagrams, 'send'> => ({
  listen(onDatagram, onError) {
    socket.on('message', (bytes, { address, port }) => {
      onDatagram(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length), addressText(address, port));
    });
    socket.on('error', onError);
  },
  close: () => new Promise((resolve) => socket.close(() => resolve())),
});

export function opened(socket: Socket, open: (done: () => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      socket.close();
      reject(error);
    };
    socket.once('error', fail);
    open(() => {
      socket.off('error', fail);
      resolve();
    });
  });
}

/** Every address here is one already; asking the system again would cost a turn of the loop. */
export const alreadyAddress = (
  address: string,
  family: unknown,
  callback?: (error: null, address: string, family: number) => void,
): void => {
  const done = typeof family === 'function' ? (family as typeof callback) : callback;
  done?.(null, address, isIP(address));
};

const parsedMax = 10_000;

/** Text into address and port, remembered: a sender is answered again and again. */
function addresses(): (text: string) => { readonly address: string; readonly port: number } {
  const known = new Map<string, { readonly address: string; readonly port: number }>();
  return (text) => {
    const found = known.get(text);
    if (found !== undefined) return found;
    const at = text.lastIndexOf(':');
    const parsed = { address: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) };
    if (known.size >= parsedMax) known.clear();
    known.set(text, parsed);
    return parsed;
  };
}
