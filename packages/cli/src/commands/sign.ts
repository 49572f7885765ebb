/** `lapel sign`: the author's seal. What is sealed is told in words, from the bytes themselves. */

import { hex } from '@lapel/cbor';
import { algorithmOf } from '@lapel/cose';
import { outlineEnvelope, signEnvelope } from '@lapel/author';
import type { Command } from 'commander';
import { readEnvelopeFile, readSigningKey, replaceFile } from '../files.ts';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import { progressLine } from '../terminal.ts';
import { updateInWords } from '../update-in-words.ts';

interface Options {
  readonly key: string;
  readonly out?: string;
  readonly json?: boolean;
}

export function addSign(program: Command, terminal: Terminal): void {
  program
    .command('sign')
    .summary('sign an envelope')
    .description('Adds a signature to an envelope; those it has stay. Says what you sign.')
    .argument('<envelope>', 'the envelope, or - for stdin')
    .requiredOption('--key <file>', 'your private key (PEM)')
    .option('-o, --out <file>', 'where to write it (default: in place)')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', examples)
    .action((file: string, options: Options) => sign(file, options, terminal));
}

const examples = `
Examples:
  lapel sign lamp.suit --key author.pem
  lapel sign lamp.suit --key author.pem -o lamp-signed.suit`;

/** Of a hash-based key: each signature uses up a leaf. */
interface Spent {
  readonly used: number;
  readonly leaves: number;
}

async function sign(file: string, { key: keyFile, out, json }: Options, terminal: Terminal): Promise<void> {
  const target = out ?? file;
  if (target === '-') {
    throw new CommandFailure(exitCodes.usage, 'expected --out FILE for an envelope from stdin, found none');
  }
  const bytes = await readEnvelopeFile(file);
  let spent: Spent | undefined;
  const key = await readSigningKey(keyFile, {
    onGrown: (share) => terminal.move(progressLine(share, 'growing the tree of the key')),
    onSpent: (used, leaves) => void (spent = { used, leaves }),
  });
  const outline = outlineEnvelope(bytes);
  const signed = signEnvelope(bytes, key);
  terminal.move('');
  await replaceFile(target, signed);
  const algorithm = algorithmOf(key.kind);
  const signatures = outline.envelope.blocks.length + 1;
  if (json === true) {
    const made = { file: target, bytes: signed.length, digest: hex(outline.digest.bytes) };
    const left = spent === undefined ? {} : { leavesLeft: spent.leaves - spent.used };
    terminal.result(JSON.stringify({ ...made, kid: hex(key.kid), algorithm, signatures, ...left }));
    return;
  }
  if (terminal.quiet) {
    terminal.result(hex(outline.digest.bytes));
    return;
  }
  const told = [
    ...updateInWords(outline),
    ['signed with', `${algorithm}, key ${hex(key.kid)}`] as const,
    ...(spent === undefined ? [] : [['leaves', `${spent.used} of ${spent.leaves} spent`] as const]),
    [
      'envelope',
      `${target}, ${signed.length} bytes, ${signatures} signature${signatures === 1 ? '' : 's'}`,
    ] as const,
  ];
  terminal.facts(told);
}
