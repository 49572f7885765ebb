/**
 * How a command reaches a server: its address and the token that proves the user, from options or the
 * environment.
 */

import type { Handler } from '@lapel/transport';
import { httpClient } from '@lapel/transport';
import type { Command } from 'commander';
import { Option } from 'commander';
import type { ClientTlsOptions } from './client-tls.ts';
import { readClientTls, withClientTls } from './client-tls.ts';
import { exitCodes } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';
import { readTextFile } from './files.ts';

export interface ServerOptions extends ClientTlsOptions {
  readonly server: string;
  readonly tokenFile?: string;
}

export const withServer = (command: Command): Command =>
  withClientTls(
    command
      .addOption(
        new Option('--server <url>', 'the server').env('LAPEL_SERVER').default('http://localhost:8080'),
      )
      .addOption(new Option('--token-file <file>', 'file with your token').env('LAPEL_TOKEN_FILE')),
  );

export interface ServerAccess {
  readonly handler: Handler;
  readonly token: string;
}

export async function accessServer({ server, tokenFile, ...tls }: ServerOptions): Promise<ServerAccess> {
  if (tokenFile === undefined) {
    const message = 'expected --token-file FILE (or LAPEL_TOKEN_FILE), found none';
    throw new CommandFailure(exitCodes.usage, message);
  }
  const url = requireUrl(server);
  const token = (await readTextFile(tokenFile)).trim();
  if (!/^[\w\-.~+/]+=*$/.test(token)) {
    throw new CommandFailure(exitCodes.failed, `expected one token in ${tokenFile}, found something else`);
  }
  return { handler: httpClient(url, await readClientTls(tls)), token };
}

function requireUrl(server: string): URL {
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (url !== undefined && ['http:', 'https:'].includes(url.protocol)) return url;
  throw new CommandFailure(
    exitCodes.usage,
    `expected --server http://HOST:PORT, found ${JSON.stringify(server)}`,
  );
}
