/**
 * Requests for somebody else (RFC 7252 §5.7): the options that say for whom, read and written, and what a
 * proxy does on the way. Which origins there are, and what is kept of their answers, is for whoever gives the
 * `Proxy`; towards an origin it is a Handler like any other.
 */
import type { Handler, Request, Response } from '../exchange.ts';
import { parseTarget } from '../http-target.ts';
import { Problem, problemResponse } from '../problem.ts';
import { TransportError } from '../transport-error.ts';
import { responseCodes } from './code.ts';
import { HopLimitReached, oneHopFurther } from './hop-limit.ts';
import type { Option } from './option.ts';
import { optionValue, text, uint, uintOption } from './option.ts';

/** Leads to this origin (scheme, host and port, nothing behind them); undefined: not from here. */
export type Proxy = (origin: URL) => Handler | undefined;

/** What the request is for; undefined where it is for us. @throws {Problem} `bad-request` */
export function proxiedFor(
  options: readonly Option[],
): { readonly origin: URL; readonly own: Pick<Request, 'path' | 'query'> | undefined } | undefined {
  const uri = optionValue(options, 'proxyUri');
  // §5.10.2: it stands for all the options that are parts of a URI, whatever they say.
  if (uri !== undefined) return targetOf(decoded(uri));
  const scheme = optionValue(options, 'proxyScheme');
  const host = optionValue(options, 'uriHost');
  // §5.10.1: without a host the address that was asked is meant, which is ours.
  if (scheme === undefined || host === undefined) return undefined;
  const port = uintOption(options, 'uriPort');
  const name = decoded(host);
  const authority = name.includes(':') && !name.startsWith('[') ? `[${name}]` : name;
  const origin = originOf(`${decoded(scheme)}://${authority}${port === undefined ? '' : `:${port}`}`);
  return { origin, own: undefined };
}

/** The parts of an absolute URI. @throws {Problem} `bad-request` */
export function targetOf(uri: string): {
  readonly origin: URL;
  readonly own: Pick<Request, 'path' | 'query'>;
} {
  const { pathname, search } = parsed(uri);
  return { origin: originOf(uri), own: parseTarget(`${pathname === '' ? '/' : pathname}${search}`) };
}

function originOf(uri: string): URL {
  const { protocol, host, username, password, hash } = parsed(uri);
  if (username !== '' || password !== '' || hash !== '' || host === '')
    throw new Problem('bad-request', 'expected a URI with a host, without user and fragment, found another');
  // Only what the URL standard calls special has its host in one spelling: 127.1 is 127.0.0.1 there.
  return new URL(`${protocol}//${parsed(`http://${host}`).host}`);
}

function parsed(uri: string): URL {
  const url = URL.parse(uri);
  if (url === null) throw new Problem('bad-request', 'expected an absolute URI, found another text');
  return url;
}

function decoded(value: Uint8Array): string {
  const found = new TextDecoder('utf-8', { ignoreBOM: true }).decode(value);
  if (found.includes('\uFFFD'))
    throw new Problem('bad-request', 'expected a URI in UTF-8, found other bytes');
  return found;
}

/** What a client adds to a request that a proxy is to make for it; path and query stay as they are. */
export function forOrigin(origin: URL): readonly Option[] {
  const host = origin.hostname.replace(/^\[(?<address>.*)\]$/, '$<address>');
  const port = origin.port === '' ? [] : [uint('uriPort', Number(origin.port))];
  return [text('uriHost', host), ...port, text('proxyScheme', origin.protocol.slice(0, -1))];
}

/** §5.7.1, RFC 8768 §3: what an origin that gave no answer is to the one who asked for it. */
export function failureCodeOf(error: unknown): number | undefined {
  if (error instanceof HopLimitReached) return responseCodes.hopLimitReached;
  if (!(error instanceof TransportError)) return undefined;
  return error.kind === 'no-answer' ? responseCodes.gatewayTimeout : responseCodes.badGateway;
}

/**
 * HTTP for what speaks CoAP (RFC 8075 §5.4): `GET …?target_uri=coap://host/path` is the request that the
 * parameter names. Statuses, formats and ages are those of an exchange already (§6, §7).
 */
export const mappedFromHttp =
  (proxy: Proxy): Handler =>
  async (request): Promise<Response> => {
    const uri = request.query.get('target_uri');
    try {
      if (uri === undefined)
        throw new Problem('bad-request', 'expected a target_uri in the query, found none');
      const { origin, own } = targetOf(uri);
      const handler = proxy(origin);
      if (handler === undefined)
        throw new Problem('forbidden', `expected an origin that is reached from here, found ${origin.href}`);
      return await handler(oneHopFurther({ ...request, ...own }));
    } catch (error) {
      if (error instanceof Problem) return problemResponse(error);
      if (failureCodeOf(error) === undefined) throw error;
      return problemResponse(new Problem('unavailable', (error as Error).message, { cause: error }));
    }
  };
