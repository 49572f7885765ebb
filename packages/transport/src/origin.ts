/**
 * The origin of a URL (RFC 6454 §4), for the schemes of CoAP, too. The URL standard knows none of them: there
 * `url.origin` is `null`.
 */

/** RFC 7252 §6.1, RFC 8323 §8.1: the port that needs no saying. */
const defaultPorts: Readonly<Record<string, string>> = { 'coap:': '5683', 'coap+tcp:': '5683' };

export function originOf({ origin, protocol, hostname, port }: URL): string {
  const usual = defaultPorts[protocol];
  if (usual === undefined) return origin;
  const shown = port === '' || port === usual ? '' : `:${port}`;
  return `${protocol}//${hostname.toLowerCase()}${shown}`;
}
