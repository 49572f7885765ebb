/** How a command proves servers that speak TLS, and itself to those that ask for a certificate. */

import type { HttpClientOptions } from '@lapel/transport';
import type { Command } from 'commander';
import { Option } from 'commander';
import { exitCodes } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';
import { readCertificates, readShown } from './pem-files.ts';

export interface ClientTlsOptions {
  readonly ca?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
}

export const withClientTls = (command: Command): Command =>
  command
    .addOption(new Option('--ca <file>', 'trust servers by this authority (PEM)').env('LAPEL_CA'))
    .addOption(
      new Option('--client-cert <file>', 'what to show a server that asks (PEM)').env('LAPEL_CLIENT_CERT'),
    )
    .addOption(new Option('--client-key <file>', 'the key of --client-cert (PEM)').env('LAPEL_CLIENT_KEY'));

/** @throws {CommandFailure} */
export async function readClientTls({
  ca,
  clientCert,
  clientKey,
}: ClientTlsOptions): Promise<Pick<HttpClientOptions, 'ca' | 'cert' | 'key'>> {
  if ((clientCert === undefined) !== (clientKey === undefined)) {
    const message = 'expected --client-cert and --client-key, found only one of them';
    throw new CommandFailure(exitCodes.usage, message);
  }
  return {
    ...(ca === undefined ? {} : { ca: await readCertificates(ca) }),
    ...(clientCert === undefined || clientKey === undefined ? {} : await readShown(clientCert, clientKey)),
  };
}
