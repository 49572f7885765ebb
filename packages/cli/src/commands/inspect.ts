/** `lapel inspect`: every element of an envelope by name, from the bytes alone. */

import type { Part } from '@lapel/author';
import { inspectEnvelope, inspectionText } from '@lapel/author';
import type { Command } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { readEnvelopeFile } from '../files.ts';
import type { Terminal } from '../terminal.ts';

export function addInspect(program: Command, terminal: Terminal): void {
  program
    .command('inspect')
    .description(
      'Names every element of an envelope, from its bytes alone. Proves nothing: see lapel verify.',
    )
    .argument('<envelope>', 'the envelope, or - for stdin')
    .option('--json', 'print the tree as JSON')
    .addHelpText('after', examples)
    .action((file: string, options: { readonly json?: boolean }) => inspect(file, options, terminal));
}

const examples = `
Examples:
  lapel inspect lamp.suit
  curl -s http://localhost:8080/manifests/DIGEST | lapel inspect - --json`;

async function inspect(
  file: string,
  { json }: { readonly json?: boolean },
  terminal: Terminal,
): Promise<void> {
  const envelope = inspectEnvelope(await readEnvelopeFile(file));
  const paint = {
    name: (text: string) => terminal.paint('cyan', text),
    number: (text: string) => terminal.paint('dim', text),
    error: (text: string) => terminal.paint('red', text),
  };
  terminal.result(json === true ? JSON.stringify(envelope, null, 2) : inspectionText(envelope, paint));
  const errors = countErrors(envelope);
  if (errors > 0) {
    const found = `${errors} error${errors === 1 ? '' : 's'} (shown above)`;
    throw new CommandFailure(exitCodes.refused, `expected a well-formed envelope, found ${found}`);
  }
}

const countErrors = ({ error, parts = [] }: Part): number =>
  parts.reduce((sum, part) => sum + countErrors(part), error === undefined ? 0 : 1);
