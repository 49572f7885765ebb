/** The groups in which nodes of CoAP are found (RFC 7252 §12.8), on the networks of this machine. */

import { isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Group } from '@lapel/transport/coap';

const port = 5683;
const ofIPv4 = '224.0.1.187';
const ofLink = 'ff02::fd';
const ofSite = 'ff05::fd';
/** Who has more networks than that is asked on the first of them. */
const networksMax = 8;

interface Network {
  /** The interface, as zones name it. */
  readonly zone: string;
  readonly address: string;
}

/** Our first address on each that can be named in a URI, as one of the link can't. */
function networks(family: 'IPv4' | 'IPv6'): readonly Network[] {
  return Object.entries(networkInterfaces())
    .flatMap(([zone, found = []]) => {
      const own = found.find((each) => each.family === family && !each.internal && !isOfLink(each.address));
      return own === undefined ? [] : [{ zone, address: own.address }];
    })
    .slice(0, networksMax);
}

const isOfLink = (address: string) => /^fe[89ab]/i.test(address);

const zoned = ({ address, zone }: Network) => `${address}%${zone}`;

/** Of IPv6 on these networks: the link of each, and the site. */
const groupsOfIPv6 = (found: readonly Network[]): readonly Group[] =>
  found.length === 0
    ? []
    : [
        ...found.map((each) => ({ address: `${ofLink}%${each.zone}`, port, networks: [zoned(each)] })),
        { address: ofSite, port, networks: found.map(zoned) },
      ];

/** What a server that listens at an address hears: of its networks, and of IPv4 where it speaks that. */
export function groupsAt(host: string): readonly Group[] {
  if (isIPv4(host)) {
    const own = host === '0.0.0.0' ? networks('IPv4').map(({ address }) => address) : [];
    return [{ address: ofIPv4, port, networks: own }];
  }
  const found = networks('IPv6');
  if (host !== '::') return groupsOfIPv6(found.filter(({ address }) => address === host));
  return [...groupsAt('0.0.0.0'), ...groupsOfIPv6(found)];
}

/** Whom one asks who looks for servers: a socket for each entry, for one network and its groups. */
export const groupsToAsk = (): readonly (readonly [Group, ...Group[]])[] => [
  [{ address: ofIPv4, port }],
  ...networks('IPv6').map((each): [Group, Group] => [
    { address: `${ofLink}%${each.zone}`, port, networks: [zoned(each)] },
    { address: ofSite, port, networks: [zoned(each)] },
  ]),
];
