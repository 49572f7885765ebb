/**
 * Certificates are renewed while a server goes on: a hangup (SIGHUP) has their files read again. Who is
 * connected stays so; who connects from then on is shown the new ones. Bad ones are told, and change nothing.
 */

import { X509Certificate } from 'node:crypto';
import type { HttpServer } from '@lapel/transport';
import type { ServerLog } from './server-log.ts';
import type { TlsOptions } from './tls-files.ts';
import { readServeTls } from './tls-files.ts';

/** A server without TLS is ended by a hangup, as ever. @returns what ends it. */
export function renewOnHangup(
  files: TlsOptions,
  { show }: Pick<HttpServer, 'show'>,
  { notice }: Pick<ServerLog, 'notice'>,
): () => void {
  if (files.tlsCert === undefined) return () => undefined;
  /** One at a time: the last to be read are the last that were there. */
  let last: Promise<void> = Promise.resolve();
  const hungUp = () => void (last = last.then(async () => notice(await renewed(files, show))));
  process.on('SIGHUP', hungUp);
  return () => void process.off('SIGHUP', hungUp);
}

/** @returns what an operator should know. */
async function renewed(files: TlsOptions, show: HttpServer['show']): Promise<string> {
  try {
    const tls = await readServeTls(files);
    if (tls === undefined) return '';
    show(tls);
    const { validTo } = new X509Certificate(tls.cert);
    return `the certificate in ${files.tlsCert} is shown from now on; it is valid until ${validTo}`;
  } catch (error) {
    const { failureOf } = await import('../failure-of.ts');
    return `the certificates stay as they were: ${failureOf(error).message}`;
  }
}
