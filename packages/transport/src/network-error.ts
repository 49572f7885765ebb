/** What the system says of a network that failed, by kind, whatever binding it failed under. */
import { TransportError } from './transport-error.ts';
import type { TransportErrorKind } from './transport-error.ts';

const kindByCode: ReadonlyMap<string, TransportErrorKind> = new Map([
  ['ECONNRESET', 'no-answer'],
  ['ECONNABORTED', 'no-answer'],
  ['EPIPE', 'no-answer'],
  ['ETIMEDOUT', 'no-answer'],
  ['ECONNREFUSED', 'unreachable'],
  ['EHOSTUNREACH', 'unreachable'],
  ['EHOSTDOWN', 'unreachable'],
  ['ENETUNREACH', 'unreachable'],
  ['ENETDOWN', 'unreachable'],
  ['EADDRNOTAVAIL', 'unreachable'],
  ['ENOTFOUND', 'unreachable'],
  ['EAI_AGAIN', 'unreachable'],
  ['EPROTO', 'refused'],
]);

/** What is not the network's fault stays what it is: a mistake of ours must surface. */
export function toTransportError(error: NodeJS.ErrnoException): Error {
  if (error instanceof TransportError || error.code === undefined) return error;
  const kind = kindByCode.get(error.code) ?? kindByPrefix(error.code);
  return kind === undefined
    ? error
    : new TransportError(kind, `${error.message} (${error.code})`, { cause: error });
}

function kindByPrefix(code: string): TransportErrorKind | undefined {
  if (code.startsWith('HPE_')) return 'malformed';
  // OpenSSL's verdicts on certificates: DEPTH_ZERO_SELF_SIGNED_CERT, CERT_HAS_EXPIRED,
  // UNABLE_TO_VERIFY_LEAF_SIGNATURE…
  return /CERT|SIGNATURE|^ERR_TLS_|^ERR_SSL_/.test(code) ? 'refused' : undefined;
}
