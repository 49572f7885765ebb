/** `lapel inspect`: every element of an envelope by name, from the bytes alone. */

import type { Part } from '@lapel/author';
import { annotate, inspectEnvelope, inspectionText } from '@lapel/author';
import { annotatedText } from '../annotated-text.ts';
import type { Command } from 'commander';
import { Option } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { readEnvelopeFile } from '../files.ts';
import type { Terminal } from '../terminal.ts';

interface Options {
  readonly json?: boolean;
  readonly diag?: boolean;
  readonly hex?: boolean;
}

export function addTo(program: Command, terminal: Terminal): void {
  program
    .command('inspect')
    .description(
      'Names every element of an envelope, from its bytes alone. Proves nothing: see lapel verify.',
    )
    .argument('<envelope>', 'the envelope, or - for stdin')
    .addOption(new Option('--json', 'print the tree as JSON').conflicts(['diag', 'hex']))
    .addOption(new Option('--diag', 'print diagnostic notation with offsets and names').conflicts('hex'))
    .option('--hex', 'print the bytes beside what they mean')
    .addHelpText('after', examples)
    .action((file: string, options: Options) => inspect(file, options, terminal));
}

const examples = `
Examples:
  lapel inspect lamp.suit
  lapel inspect lamp.suit --hex
  curl -s http://localhost:8080/manifests/DIGEST | lapel inspect - --json`;

async function inspect(file: string, { json, diag, hex }: Options, terminal: Terminal): Promise<void> {
  const bytes = await readEnvelopeFile(file);
  if (diag === true || hex === true) {
    const lines = annotate(bytes);
    terminal.result(annotatedText(lines, hex === true, terminal));
    const unread = lines.find(({ error }) => error === true);
    if (unread === undefined) return;
    throw new CommandFailure(
      exitCodes.refused,
      `expected an envelope that can be read in ${file}, found a mistake: ${unread.notation}`,
    );
  }
  const envelope = inspectEnvelope(bytes);
  const paint = {
    name: (text: string) => terminal.paint('cyan', text),
    number: (text: string) => terminal.paint('dim', text),
    error: (text: string) => terminal.paint('red', text),
  };
  terminal.result(json === true ? JSON.stringify(envelope, null, 2) : inspectionText(envelope, paint));
  const errors = countErrors(envelope);
  if (errors > 0) {
    const found = `${errors} error${errors === 1 ? '' : 's'} (shown above)`;
    throw new CommandFailure(exitCodes.refused, `expected a well-formed envelope in ${file}, found ${found}`);
  }
}

const countErrors = ({ error, parts = [] }: Part): number =>
  parts.reduce((sum, part) => sum + countErrors(part), error === undefined ? 0 : 1);
