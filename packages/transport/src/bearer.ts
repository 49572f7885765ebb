/**
 * Who the other side is, where a bearer token proves it (RFC 6750), and what it may do. Tokens are random,
 * and are looked up by their hash, so that neither a stolen table nor the time of a comparison tells one
 * (§16 of the design).
 */
import type { Handler, Peer, Request } from './exchange.ts';
import { Problem } from './problem.ts';

/**
 * Sets `peer` from `authorization: Bearer …`. An unknown token proves nobody: the request goes on without a
 * peer.
 */
export function bearer(
  handler: Handler,
  lookup: (token: string) => Peer | undefined | Promise<Peer | undefined>,
): Handler {
  return async (request) => {
    const authorization = request.headers['authorization'];
    if (authorization === undefined) return handler(request);
    const token = bearerToken(authorization);
    const peer = token === undefined ? undefined : await lookup(token);
    return handler(withPeer(request, peer));
  };
}

/** As a spread would, but without asking for the signal, which is costly and seldom wanted. */
function withPeer(request: Request, peer: Peer | undefined): Request {
  const { method, path, query, headers, body, ifNoneMatch, range } = request;
  return {
    method,
    path,
    query,
    headers,
    body,
    ifNoneMatch,
    range,
    peer,
    get certificates() {
      return request.certificates;
    },
    get signal() {
      return request.signal;
    },
  };
}

/**
 * The peer, if it has one of the roles.
 * @throws {Problem} `unauthorized` where nobody is proven, `forbidden` where somebody without the role is.
 */
export function requireRole(request: Request, ...roles: readonly string[]): Peer {
  const { peer } = request;
  if (peer === undefined)
    throw new Problem('unauthorized', `expected a token with the role ${roles.join(' or ')}, found none`);
  if (!peer.roles.some((role) => roles.includes(role))) {
    throw new Problem(
      'forbidden',
      `expected the role ${roles.join(' or ')}, found ${peer.roles.join(', ') || 'none'}`,
    );
  }
  return peer;
}

/** A token of 256 bits is 64 characters at most; the limit keeps a hash of megabytes from being asked for. */
const tokenLengthMax = 512;

function bearerToken(authorization: string): string | undefined {
  if (authorization.length > tokenLengthMax) return undefined;
  // RFC 9110 §11.1: the scheme's case does not matter. RFC 6750 §2.1 gives the token's alphabet.
  return /^bearer +(?<token>[\w\-.~+/]+=*)$/i.exec(authorization)?.groups?.['token'];
}
