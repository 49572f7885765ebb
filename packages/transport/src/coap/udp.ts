/** Datagrams by node:dgram. Addresses are written `127.0.0.1:5683` and `[::1]:5683`. */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIP, isIPv6 } from 'node:net';
import type { Datagrams } from './datagrams.ts';

export interface Udp extends Datagrams {
  readonly port: number;
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
function sending(socket: Socket): Udp {
  const parse = addresses();
  return {
    ...datagramsOf(socket),
    port: socket.address().port,
    send(bytes, to) {
      const { address, port } = parse(to);
      // Whether it could be sent nobody needs to know: what is lost comes again.
      socket.send(bytes, port, address, () => undefined);
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
}): Promise<Udp & { to: string }> {
  const { address, family } = isIP(host) === 0 ? await lookup(host) : { address: host, family: isIP(host) };
  const socket = createSocket({ type: family === 6 ? 'udp6' : 'udp4', lookup: alreadyAddress });
  await opened(socket, (done) => socket.connect(port, address, done));
  // A socket that waits for nothing must not keep a process alive; a request that waits has the clock's
  // timer.
  socket.unref();
  return {
    ...datagramsOf(socket),
    port: socket.address().port,
    to: addressText(address, port),
    send: (bytes) => socket.send(bytes, () => undefined),
  };
}

export interface Group {
  /** Such as 224.0.1.187 or ff05::fd, where every node that speaks CoAP may be (RFC 7252 §12.8). */
  readonly address: string;
  readonly port: number;
  /** Our own address on the network where the group is; without one the system chooses. */
  readonly network?: string;
}

/**
 * Hears what is sent to the group and nothing else, as it is bound to its address; other programs on this
 * machine may hear it too.
 */
export async function udpGroup({ address, port, network }: Group): Promise<Udp> {
  const type = isIPv6(address) ? 'udp6' : 'udp4';
  const socket = createSocket({ type, lookup: alreadyAddress, reuseAddr: true });
  await opened(socket, (done) =>
    socket.bind({ port, address, exclusive: true }, () => {
      socket.addMembership(address, network);
      done();
    }),
  );
  return sending(socket);
}

/** Sends to groups, and hears who answers. */
export async function udpGroupSender({ network, address }: Pick<Group, 'network' | 'address'>): Promise<Udp> {
  const type = isIPv6(address) ? 'udp6' : 'udp4';
  const socket = createSocket({ type, lookup: alreadyAddress });
  await opened(socket, (done) =>
    socket.bind({ port: 0, exclusive: true }, () => {
      if (network !== undefined) socket.setMulticastInterface(network);
      done();
    }),
  );
  // As a client's socket: whoever waits has the clock's timer.
  socket.unref();
  return sending(socket);
}

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

function opened(socket: Socket, open: (done: () => void) => void): Promise<void> {
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
const alreadyAddress = (
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
