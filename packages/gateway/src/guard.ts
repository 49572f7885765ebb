/**
 * Where a gateway may be sent by a URI that is not its operator's: to public addresses, and to those networks
 * that the operator has named. Else a manifest, or any device, could have it ask what only it can reach: its
 * own machine, the site behind it, the metadata service of a cloud. The address that was judged is the one
 * that is connected to, so that a name cannot change its mind in between (DNS rebinding).
 */
import { lookup as resolve } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import { TransportError } from '@lapel/transport';

export interface Guard {
  /** The address of a host, judged. @throws {TransportError} `refused`, `unreachable` */
  addressOf(hostname: string): Promise<string>;
  /** The same, as node:net asks for it. */
  readonly lookup: LookupFunction;
  /** @throws {TransportError} where the host is an address that is not allowed: that is never looked up */
  requireHost(hostname: string): void;
}

export interface GuardOptions {
  /** Networks such as `10.1.0.0/16` that are allowed though they are not public. */
  readonly allowed: readonly string[];
  /** Asks the system, where it is absent. */
  readonly resolver?: Resolver;
}

/** All addresses of a name. */
export type Resolver = (hostname: string) => Promise<readonly string[]>;

/** RFC 6890 and its registries: what is not, or need not be, one place on the Internet. */
const special4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15'],
  ...['198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
];
/** An address of IPv4 within one of IPv6 counts as none, wherever it leads. */
const special6 = [
  // All but 2000::/3; and of that, what is for tunnels, tests and documents.
  ...['::/3', '4000::/2', '8000::/1', '2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'],
];

/** @throws {TypeError} where a network is none */
export function createGuard({ allowed, resolver = systemResolver }: GuardOptions): Guard {
  // Two lists: in one, the networks of IPv6 would be held against addresses of IPv4, too.
  const refused4 = listOf(special4);
  const refused6 = listOf(special6);
  const allowedNetworks = listOf(allowed);
  const isAllowed = (address: string) => {
    if (isIP(address) === 4) return allowedNetworks.check(address) || !refused4.check(address);
    return allowedNetworks.check(address, 'ipv6') || !refused6.check(address, 'ipv6');
  };

  async function addressOf(hostname: string): Promise<string> {
    const host = bare(hostname);
    requireHost(host);
    if (isIP(host) !== 0) return host;
    const addresses = await resolver(host);
    const [first] = addresses;
    if (first === undefined)
      throw new TransportError('unreachable', `expected an address of ${host}, found none`);
    // One that is allowed beside one that is not is no mistake, but a trap.
    if (!addresses.every(isAllowed)) throw refused(host);
    return first;
  }

  function requireHost(hostname: string): void {
    const host = bare(hostname);
    if (isIP(host) !== 0 && !isAllowed(host)) throw refused(host);
  }

  return {
    addressOf,
    requireHost,
    lookup(hostname, { all }, callback) {
      addressOf(hostname).then(
        (address) => {
          const family = isIP(address);
          if (all === true) callback(null, [{ address, family }]);
          else callback(null, address, family);
        },
        (error: unknown) => callback(error as Error, ''),
      );
    },
  };
}

/** Without the brackets of a URL. */
const bare = (hostname: string) => hostname.replace(/^\[(?<address>.*)\]$/, '$<address>');

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix = ''] = network.split('/');
    const family = isIP(address);
    const bits = Number(prefix);
    if (family === 0 || !/^\d+$/.test(prefix) || bits > (family === 6 ? 128 : 32)) {
      throw new TypeError(`expected a network such as 10.1.0.0/16, found ${network}`);
    }
    list.addSubnet(address, bits, family === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

/** What was found is not told: that, too, would say what the gateway can reach. */
const refused = (host: string) =>
  new TransportError('refused', `expected a host that this gateway may ask, found ${host.slice(0, 255)}`);

/** More addresses than that are nobody's. */
const addressesMax = 64;

const systemResolver: Resolver = (hostname) =>
  new Promise((resolved, reject) => {
    resolve(hostname, { all: true, verbatim: true }, (error, addresses) => {
      if (error === null) resolved(addresses.slice(0, addressesMax).map(({ address }) => address));
      else
        reject(
          new TransportError('unreachable', `expected an address of ${hostname}, found none`, {
            cause: error,
          }),
        );
    });
  });
