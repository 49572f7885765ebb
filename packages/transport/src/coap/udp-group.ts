/**
 * Groups by node:dgram (RFC 7252 §8, §12.8): 224.0.1.187, ff02::fd and ff05::fd. A group of IPv6 is one of a
 * network: each of our networks is named by our own address there with its zone, `fd00::2%eth0`.
 */
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Group, Udp } from './udp.ts';
import { alreadyAddress, join, opened, sending, withoutZone } from './udp.ts';

/**
 * Hears what is sent to the group and nothing else, as it is bound to its address; other programs on this
 * machine may hear it too.
 */
export async function udpGroup(group: Group): Promise<Udp> {
  const { address, port } = group;
  const type = isIPv6(address) ? 'udp6' : 'udp4';
  const socket = createSocket({ type, lookup: alreadyAddress, reuseAddr: true });
  await opened(socket, (done) =>
    socket.bind({ port, address, exclusive: true }, () => {
      join(socket, group);
      done();
    }),
  );
  return sending(socket);
}

/** Sends to groups of one network, and hears who answers. */
export async function udpGroupSender({ address, networks = [] }: Omit<Group, 'port'>): Promise<Udp> {
  const isOfIPv6 = isIPv6(address);
  const socket = createSocket({ type: isOfIPv6 ? 'udp6' : 'udp4', lookup: alreadyAddress });
  const [network] = networks;
  // Who is asked by an address of the link would answer from one, and no URI can name that (RFC 6874 is no
  // part of what URLs are).
  const own = isOfIPv6 && network !== undefined ? { address: withoutZone(network) } : {};
  await opened(socket, (done) =>
    socket.bind({ port: 0, exclusive: true, ...own }, () => {
      if (network !== undefined) socket.setMulticastInterface(network);
      done();
    }),
  );
  // As a client's socket: whoever waits has the clock's timer.
  socket.unref();
  return sending(socket);
}
