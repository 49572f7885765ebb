/**
 * `lapel sign`: the author's seal. What is sealed is told in words, from the bytes themselves, before the key
 * is asked for or used.
 */

import { hex } from '@lapel/cbor';
import { algorithmOf } from '@lapel/cose';
import { requireUnsigned, signEnvelope } from '@lapel/author';
import type { Command } from 'commander';
import { readOutline } from '../envelope-file.ts';
import { replaceFile } from '../files.ts';
import { envelopeFact, targetOf } from '../sealed-file.ts';
import type { SignerOptions } from '../signer.ts';
import { openSigner, requireSigner, signerHelp, watchingOn, withSigner } from '../signer.ts';
import type { Terminal } from '../terminal.ts';
import { updateInWords } from '../update-in-words.ts';

interface Options extends SignerOptions {
  readonly out?: string;
  readonly json?: boolean;
}

export function addTo(program: Command, terminal: Terminal): void {
  withSigner(
    program
      .command('sign')
      .description(
        'Adds a signature to an envelope; those it has stay, and so does what they are over. ' +
          'Checks every digest again, and says in words what you sign, before it signs.',
      )
      .argument('<envelope>', 'the envelope, or - for stdin'),
  )
    .option('-o, --out <file>', 'where to write it (default: in place)')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', `${signerHelp}\n${examples}`)
    .action((file: string, options: Options) => sign(file, options, terminal));
}

const examples = `
Examples:
  lapel sign lamp.suit --key author.pem
  lapel sign lamp.suit --key author.pem -o lamp-signed.suit
  lapel sign lamp-signed.suit --key operator.pem --passphrase-file operator.txt`;

/** Of a hash-based key: each signature uses up a leaf. */
interface Spent {
  readonly used: number;
  readonly leaves: number;
}

async function sign(file: string, options: Options, terminal: Terminal): Promise<void> {
  const { json = false } = options;
  requireSigner(options);
  const target = targetOf(file, options.out);
  const { bytes, outline } = await readOutline(file);
  const words = updateInWords(outline);
  const width = Math.max('signed with'.length, ...words.map(([name]) => name.length));
  const say = once(() => {
    if (!json && !terminal.quiet) terminal.facts(words, width);
  });
  let spent: Spent | undefined;
  const watching = {
    ...watchingOn(terminal),
    onSpent: (used: number, leaves: number) => void (spent = { used, leaves }),
  };
  const key = await openSigner(options, watching, say);
  requireUnsigned(outline.envelope, key);
  say();
  const signed = signEnvelope(bytes, key);
  terminal.move('');
  await replaceFile(target, signed);
  const algorithm = algorithmOf(key.kind);
  const signatures = outline.envelope.blocks.length + 1;
  if (json) {
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
    ['signed with', `${algorithm}, key ${hex(key.kid)}`] as const,
    ...(spent === undefined ? [] : [['leaves', `${spent.used} of ${spent.leaves} spent`] as const]),
    envelopeFact(target, signed, signatures),
  ];
  terminal.facts(told, width);
}

function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) act();
    isDone = true;
  };
}
