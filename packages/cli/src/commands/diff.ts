/** `lapel diff`: what changes from one manifest to the next, in words. */

import type { Change } from '@lapel/author';
import { diffEnvelopes } from '@lapel/author';
import type { Command } from 'commander';
import { readOutline } from '../envelope-file.ts';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import type { Terminal } from '../terminal.ts';

export function addTo(program: Command, terminal: Terminal): void {
  program
    .command('diff')
    .description('Compares two envelopes, in words. Proves nothing but their digests: see lapel verify.')
    .argument('<old>', 'the older envelope, or - for stdin')
    .argument('<new>', 'the newer one, or - for stdin')
    .option('--json', 'print the changes as JSON')
    .addHelpText('after', examples)
    .action((older: string, newer: string, options: { readonly json?: boolean }) =>
      diff(older, newer, options, terminal),
    );
}

const examples = `
Examples:
  lapel diff lamp-1.0.0.suit lamp-1.1.0.suit
  curl -s http://localhost:8080/manifests/DIGEST | lapel diff - lamp.suit --json`;

async function diff(
  older: string,
  newer: string,
  { json }: { readonly json?: boolean },
  terminal: Terminal,
): Promise<void> {
  if (older === '-' && newer === '-') {
    throw new CommandFailure(exitCodes.usage, 'expected one envelope from stdin, found two');
  }
  const found = diffEnvelopes((await readOutline(older)).bytes, (await readOutline(newer)).bytes);
  if (json === true) {
    terminal.result(JSON.stringify({ ...found, same: found.old === found.new }, null, 2));
    return;
  }
  const { changes } = found;
  if (found.old === found.new) terminal.result('the same manifest');
  if (changes.length > 0) terminal.facts(changes.map((change) => [change.what, changeText(change)]));
  else if (found.old !== found.new)
    terminal.result('other manifests that say the same of all that is compared');
}

function changeText({ old, new: come }: Change): string {
  if (old === undefined) return `${come}, which is new`;
  return come === undefined ? `${old}, which is gone` : `${old} becomes ${come}`;
}
