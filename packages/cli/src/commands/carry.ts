/**
 * `lapel carry`: updates for devices that no network reaches. A stick, or a telephone, carries them out and
 * brings the devices' signed reports back; it is trusted with neither.
 */

import { httpClient } from '@lapel/transport';
import type { Command } from 'commander';
import { handInReports } from '../carry/reports.ts';
import { packFor } from '../carry/pack.ts';
import { readClientTls } from '../client-tls.ts';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { usage } from '../device/options.ts';
import type { ServerOptions } from '../server-access.ts';
import { accessServer, withServer } from '../server-access.ts';
import type { Terminal } from '../terminal.ts';

interface OutOptions extends ServerOptions {
  readonly to: string;
  readonly json?: boolean;
}

interface BackOptions extends ServerOptions {
  readonly from: string;
  readonly json?: boolean;
}

export function addTo(program: Command, terminal: Terminal): void {
  const carry = program
    .command('carry')
    .description('Carries updates to devices that no network reaches, and their reports back.')
    .addHelpText('after', examples);
  withServer(carry.command('out').description('Puts the update that a device is offered into a folder.'))
    .argument('<id>', 'the device')
    .requiredOption('--to <folder>', 'the stick')
    .option('--json', 'print the result as JSON')
    .action((id: string, options: OutOptions) => carryOut(id, options, terminal));
  withServer(carry.command('back').description('Hands in the reports that devices have written.'))
    .requiredOption('--from <folder>', 'the stick')
    .option('--json', 'print the result as JSON')
    .action((options: BackOptions) => carryBack(options, terminal));
}

const examples = `
Examples:
  lapel carry out lamp-77 --to /media/stick --token-file operator.token
  lapel device bring lamp.flash --stick /media/stick
  lapel carry back --from /media/stick`;

async function carryOut(id: string, options: OutOptions, terminal: Terminal): Promise<void> {
  const packed = await packFor(id, options.to, await accessServer(options));
  for (const each of packed.missing) terminal.note(`not on the stick: ${each}`);
  if (options.json === true) terminal.result(JSON.stringify({ device: id, ...packed }));
  else if (terminal.quiet) terminal.result(packed.manifest);
  else {
    terminal.facts([
      ['device', id],
      ['manifest', packed.manifest],
      ['payloads', String(packed.payloads)],
      ['bytes', String(packed.bytes)],
    ]);
    terminal.note(`\nNext: lapel device bring FLASH --stick ${options.to}`);
  }
}

async function carryBack({ server, from, json, ...tls }: BackOptions, terminal: Terminal): Promise<void> {
  if (!URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol))
    throw usage(`expected --server http://HOST:PORT, found ${JSON.stringify(server)}`);
  const reports = await handInReports(from, httpClient(server, await readClientTls(tls)));
  if (json === true) terminal.result(JSON.stringify(reports));
  else for (const { file, refused } of reports) terminal.result(`${file}  ${refused ?? 'handed in'}`);
  const refused = reports.filter((each) => each.refused !== undefined);
  if (refused.length === 0) return;
  const found = `expected reports that the tracker takes, found ${refused.length} that it refuses`;
  throw new CommandFailure(exitCodes.refused, found);
}
