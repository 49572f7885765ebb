/** `lapel devices approve`, `refuse`, `freeze`, `retire`: who is of the fleet, by an operator's word. */

import type { Command } from 'commander';
import { askJson, jsonRequest } from '../ask.ts';
import type { ServerOptions } from '../server-access.ts';
import { accessServer, withServer } from '../server-access.ts';
import type { Terminal } from '../terminal.ts';

interface Options extends ServerOptions {
  readonly json?: boolean;
}

interface BarOptions extends Options {
  readonly because: string;
}

export function addDevicesDecide(devices: Command, terminal: Terminal): void {
  withServer(
    devices
      .command('approve')
      .description('Lets a device in that has registered by itself, or that was frozen or retired.'),
  )
    .argument('<id>', 'the device')
    .option('--json', 'print the result as JSON')
    .action((id: string, options: Options) => approve(id, options, terminal));
  withServer(devices.command('refuse').description('Turns a device away that waits for approval.'))
    .argument('<id>', 'the device')
    .option('--json', 'print the result as JSON')
    .action((id: string, options: Options) => refuse(id, options, terminal));
  withServer(devices.command('freeze').description('Offers devices nothing more until they are approved.'))
    .argument('<id...>', 'the devices')
    .requiredOption('--because <text>', 'why, in a line')
    .option('--json', 'print the result as JSON')
    .action((ids: string[], options: BarOptions) => bar(ids, 'frozen', options, terminal));
  withServer(devices.command('retire').description('Takes devices out of the fleet and its campaigns.'))
    .argument('<id...>', 'the devices')
    .requiredOption('--because <text>', 'why, in a line')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', retiring)
    .action((ids: string[], options: BarOptions) => bar(ids, 'retired', options, terminal));
}

const retiring = `
What they have reported is kept, and their names and keys stay theirs: nobody registers by them.
lapel devices approve ID brings one back.

Examples:
  lapel devices retire lamp-7 lamp-8 --because 'returned to the factory' --token-file operator.token`;

async function approve(id: string, options: Options, terminal: Terminal): Promise<void> {
  await askJson(await accessServer(options), jsonRequest('POST', `${pathOf(id)}/approve`));
  if (options.json === true) terminal.result(JSON.stringify({ id, approval: 'approved' }));
  else if (!terminal.quiet) terminal.facts([['approved', id]]);
}

async function refuse(id: string, options: Options, terminal: Terminal): Promise<void> {
  await askJson(await accessServer(options), jsonRequest('DELETE', pathOf(id)));
  if (options.json === true) terminal.result(JSON.stringify({ id, refused: true }));
  else if (!terminal.quiet) terminal.facts([['refused', id]]);
}

/** One after the other: where one can't be, those before it are. */
async function bar(
  ids: readonly string[],
  as: 'frozen' | 'retired',
  { because, json, ...options }: BarOptions,
  terminal: Terminal,
): Promise<void> {
  const access = await accessServer(options);
  const act = as === 'frozen' ? 'freeze' : 'retire';
  const devices = [...new Set(ids)];
  for (const id of devices) {
    await askJson(access, jsonRequest('POST', `${pathOf(id)}/${act}`, { because }));
    if (json !== true && !terminal.quiet) terminal.facts([[as, id]]);
  }
  if (json === true) terminal.result(JSON.stringify({ devices, approval: as, because }));
}

const pathOf = (id: string): string => `/devices/${encodeURIComponent(id)}`;
