/** Who asks the operators' API, and whether it may: the one place where that is decided. */
import type { FastifyRequest } from 'fastify';
import type { Peer } from '@lapel/transport';
import { Problem } from '@lapel/transport';
import type { Access } from '../access.ts';
import type { Role } from '../store.ts';

/**
 * @throws {Problem} `unauthorized` where nobody is proven, `forbidden` where somebody without the role is.
 */
export function authorize(access: Access, request: FastifyRequest, roles: readonly Role[]): Peer {
  const peer = peerOf(access, request);
  const wanted = roles.join(' or ');
  if (peer === undefined)
    throw new Problem('unauthorized', `expected a token with the role ${wanted}, found none`);
  if (!peer.roles.some((role) => (roles as readonly string[]).includes(role))) {
    throw new Problem('forbidden', `expected the role ${wanted}, found ${peer.roles.join(', ') || 'none'}`);
  }
  return peer;
}

/** Who it is, whatever it may do. */
export function peerOf(access: Access, { headers }: FastifyRequest): Peer | undefined {
  const token = /^Bearer +(?<token>\w+)$/i.exec(headers.authorization ?? '')?.groups?.['token'];
  return token === undefined ? undefined : access.lookup(token);
}

/** Of a browser, which sends the token as a password (RFC 7617), under any name. */
export function mayRead(access: Access, { headers }: FastifyRequest): boolean {
  const basic = /^Basic +(?<secret>[\w+/]+=*)$/i.exec(headers.authorization ?? '')?.groups?.['secret'];
  const token =
    Buffer.from(basic ?? '', 'base64')
      .toString()
      .split(':')
      .at(-1) ?? '';
  return access.lookup(token) !== undefined;
}
