/** What a server needs for TLS. */

import type { ServeTls } from '@lapel/transport';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { readCertificates, readShown } from '../pem-files.ts';

export interface TlsOptions {
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly clientCa: string | undefined;
}

/** @throws {CommandFailure} */
export async function readServeTls({ tlsCert, tlsKey, clientCa }: TlsOptions): Promise<ServeTls | undefined> {
  if (tlsCert === undefined && tlsKey === undefined && clientCa === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    const found = 'only a part of them';
    throw new CommandFailure(exitCodes.usage, `expected --tls-cert and --tls-key, found ${found}`);
  }
  const shown = await readShown(tlsCert, tlsKey);
  return clientCa === undefined ? shown : { ...shown, clientCa: await readCertificates(clientCa) };
}
