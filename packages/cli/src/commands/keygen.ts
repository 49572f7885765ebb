/** `lapel keygen`: a key pair for an author or an operator. The private half never leaves its file. */

import { existsSync } from 'node:fs';
import { hex } from '@lapel/cbor';
import type { KeyKind } from '@lapel/cose';
import { generateSigningKey, keyKinds, keyToPem } from '@lapel/cose';
import type { Command } from 'commander';
import { Option } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { writeNewFile } from '../files.ts';
import type { Terminal } from '../terminal.ts';

const kindsByAlgorithm = new Map(
  Object.entries(keyKinds).map(([kind, { algorithm }]) => [algorithm as string, kind as KeyKind]),
);

interface Options {
  readonly algorithm: string;
  readonly json?: boolean;
}

export function addKeygen(program: Command, terminal: Terminal): void {
  program
    .command('keygen')
    .summary('make a key pair')
    .description(
      'Makes a key pair: the private key in FILE, which only you can read, the public one beside it.',
    )
    .argument('<file>', 'where to write the private key, such as author.pem')
    .addOption(
      new Option('--algorithm <name>', 'what the key signs with')
        .choices([...kindsByAlgorithm.keys()])
        .default('ESP256'),
    )
    .option('--json', 'print the result as JSON')
    .addHelpText('after', examples)
    .action((file: string, options: Options) => keygen(file, options, terminal));
}

const examples = `
Examples:
  lapel keygen author.pem                          makes author.pem and author.pub.pem
  lapel keygen operator.pem --algorithm Ed25519`;

async function keygen(file: string, { algorithm, json }: Options, terminal: Terminal): Promise<void> {
  const publicFile = `${file.replace(/\.pem$/, '')}.pub.pem`;
  for (const each of [file, publicFile]) {
    if (!existsSync(each)) continue;
    const message = `expected ${each} not to exist yet, found it: a key is never overwritten`;
    throw new CommandFailure(exitCodes.conflict, message);
  }
  const key = generateSigningKey(kindsByAlgorithm.get(algorithm) ?? 'P-256');
  const kid = hex(key.kid);
  await writeNewFile(file, keyToPem(key), 0o600);
  await writeNewFile(publicFile, keyToPem(key.public), 0o644);
  if (json === true) terminal.result(JSON.stringify({ private: file, public: publicFile, algorithm, kid }));
  else if (terminal.quiet) terminal.result(kid);
  else {
    terminal.facts([
      ['private key', `${file}  (keep it secret: whoever has it can sign)`],
      ['public key', `${publicFile}  (for servers and devices)`],
      ['algorithm', algorithm],
      ['key id', kid],
    ]);
  }
}
