/**
 * `lapel release`: an operator lets a published manifest be offered. Whoever signs firmware can't do
 * that alone (RFC 9019 §3).
 */

import { request } from '@lapel/transport';
import type { Command } from 'commander';
import { askJson } from '../ask.ts';
import { manifestDigest } from '../manifest-digest.ts';
import type { ServerOptions } from '../server-access.ts';
import { accessServer, withServer } from '../server-access.ts';
import type { Terminal } from '../terminal.ts';

interface Options extends ServerOptions {
  readonly json?: boolean;
}

export function addTo(program: Command, terminal: Terminal): void {
  withServer(
    program
      .command('release')
      .description(
        'Releases a published manifest, as an operator: only then a campaign may offer it to devices.',
      )
      .argument('<digest>', 'digest of the manifest, or the file of its envelope'),
  )
    .option('--json', 'print the result as JSON')
    .addHelpText('after', examples)
    .action((which: string, options: Options) => release(which, options, terminal));
}

const examples = `
Examples:
  lapel release lamp.suit --token-file operator.token
  lapel release 2a712a58cc05293deefc4febd721c1cc8b8a5ff5988ca9b30dcddc49894fe9a7`;

async function release(which: string, options: Options, terminal: Terminal): Promise<void> {
  const access = await accessServer(options);
  const digest = await manifestDigest(which);
  const answer = await askJson(access, request('POST', `/releases/${digest}`));
  if (options.json === true) terminal.result(JSON.stringify(answer));
  else if (terminal.quiet) terminal.result(digest);
  else {
    terminal.facts([
      ['released', digest],
      ['server', options.server],
    ]);
    terminal.note(`\nNext: lapel campaign start --release ${which} --key KEY --token-file FILE`);
  }
}
