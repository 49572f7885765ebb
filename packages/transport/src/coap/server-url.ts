/** Where a client of CoAP finds its server, and what it puts before the paths that it is asked for. */
import type { Request } from '../exchange.ts';

export interface Server {
  readonly host: string;
  readonly port: number;
  readonly prefixed: (request: Request) => Request;
}

const coapPort = 5683;

/** @param origin whom the server asks for us (RFC 7252 §5.7.2); paths are then the origin's */
export function serverAt(url: string | URL, protocol: string, origin: string | URL | undefined): Server {
  const base = new URL(url);
  if (base.protocol !== protocol)
    throw new TypeError(`expected a URL with ${protocol}, found ${base.protocol}`);
  const prefix = (origin === undefined ? base : new URL(origin)).pathname.replace(/\/$/, '');
  return {
    host: base.hostname.replace(/^\[(?<address>.*)\]$/, '$<address>'),
    port: base.port === '' ? coapPort : Number(base.port),
    prefixed: (request) => (prefix === '' ? request : { ...request, path: prefix + request.path }),
  };
}
