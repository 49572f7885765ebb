/** What a client has shown in a TLS handshake: certificates that authorities of the server vouch for. */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** A device's, and two authorities above it. */
const lengthMax = 3;

/** In DER, the client's own first: the handshake has proved that it holds its key (RFC 8446 §4.4.3). */
export function peerCertificates(socket: Socket): readonly Uint8Array[] | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const chain: Uint8Array[] = [];
  let next = socket.getPeerCertificate(true);
  // A root is its own issuer.
  while (next?.raw !== undefined && !chain.some((each) => next.raw.equals(each))) {
    if (chain.push(next.raw) === lengthMax) break;
    next = next.issuerCertificate;
  }
  return chain.length === 0 ? undefined : chain;
}
