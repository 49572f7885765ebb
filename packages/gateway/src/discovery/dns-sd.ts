/**
 * Gateways by DNS-SD over multicast DNS (RFC 6763, RFC 6762): `_lapel._tcp` for HTTP, with the scheme as a
 * word of text beside it. The packets are read and written by the library bonjour-service, which is loaded
 * only where somebody announces or looks.
 */
import type { EventEmitter } from 'node:events';
import { isIP } from 'node:net';
import type { Finder } from './find.ts';

export interface Announced {
  /** For people; unique in the network, or it gets a number. */
  readonly name: string;
  readonly port: number;
  readonly scheme: 'http' | 'https' | 'coap' | 'coap+tcp';
}

export interface DnsSdOptions {
  /** Of the network interface; the system chooses, where it is absent. */
  readonly interface?: string;
  /** 5353, but in tests. */
  readonly port?: number;
  /** What went wrong with the network: then nobody is found, and that is all. */
  readonly onError: (error: unknown) => void;
}

const type = 'lapel';

async function open({ interface: network, port, onError }: DnsSdOptions) {
  const { default: library } = await import('bonjour-service');
  const options = {
    // Bound to an address of its own, a socket would hear nothing that is sent to the group.
    ...(network === undefined ? {} : { interface: network, bind: '0.0.0.0' }),
    ...(port === undefined ? {} : { port }),
  };
  const bonjour = new library.Bonjour(options, onError);
  // The library leaves a port that is taken to whoever listens for it.
  const { mdns } = Reflect.get(bonjour, 'server') as { readonly mdns: EventEmitter };
  mdns.on('error', onError);
  return bonjour;
}

/** Until it is closed; then it says good-bye. */
export async function announce(
  services: readonly Announced[],
  options: DnsSdOptions,
): Promise<{ close(): Promise<void> }> {
  const bonjour = await open(options);
  for (const { name, port, scheme } of services) {
    const protocol = scheme === 'coap' ? 'udp' : 'tcp';
    bonjour.publish({ name, type, port, protocol, txt: { scheme } });
  }
  return {
    close: () => new Promise((resolve) => bonjour.unpublishAll(() => bonjour.destroy(() => resolve()))),
  };
}

/** A place by its address: a name of the local network is nobody's in particular. */
export const announcedByDnsSd = (options: DnsSdOptions): Finder =>
  async function* (signal) {
    const bonjour = await open(options);
    const found: string[] = [];
    let news = Promise.withResolvers<void>();
    const browsers = (['tcp', 'udp'] as const).map((protocol) =>
      bonjour.find({ type, protocol }, (service) => {
        if (found.length >= waitingMax) return;
        found.push(...placesOf(service));
        news.resolve();
      }),
    );
    const stop = () => news.resolve();
    signal.addEventListener('abort', stop, { once: true });
    try {
      while (!signal.aborted) {
        const place = found.shift();
        if (place !== undefined) yield place;
        else {
          await news.promise;
          news = Promise.withResolvers();
        }
      }
    } finally {
      signal.removeEventListener('abort', stop);
      for (const browser of browsers) browser.stop();
      bonjour.destroy();
    }
  };

/** Of those that nobody has taken yet. */
const waitingMax = 64;

function placesOf({ addresses = [], port, txt, protocol, referer }: Service): readonly string[] {
  const said: unknown = txt?.scheme;
  const scheme = typeof said === 'string' && schemes.has(said) ? said : protocol === 'udp' ? 'coap' : 'http';
  // The address that it speaks from is one that it can be reached at; it may list others that it is not at.
  return (referer === undefined ? addresses : [referer.address])
    .filter((address) => isIP(address) !== 0 && !address.startsWith('fe80:'))
    .map((address) => `${scheme}://${isIP(address) === 6 ? `[${address}]` : address}:${port}`);
}

const schemes: ReadonlySet<string> = new Set(['http', 'https', 'coap', 'coap+tcp']);

/** As the library tells of it: the words of somebody on the network. */
interface Service {
  readonly addresses?: string[];
  /** Who said so. */
  readonly referer?: { readonly address: string };
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
  readonly txt?: { readonly scheme?: unknown };
}
