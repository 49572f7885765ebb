/**
 * `lapel keygen`: a key pair for an author, an operator or a device; or a secret with which an author
 * encrypts for a device. What is private never leaves its file.
 */

import { existsSync } from 'node:fs';
import { hex } from '@lapel/cbor';
import type { KeyKind, WrapAlgorithm } from '@lapel/cose';
import {
  agreementAlgorithms,
  encodeWrappingKey,
  generateSigningKey,
  generateWrappingKey,
  keyKinds,
  keyToPem,
  wrapAlgorithms,
} from '@lapel/cose';
import type { Command } from 'commander';
import { Option } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { writeNewFile } from '../files.ts';
import type { Terminal } from '../terminal.ts';

const kindsByAlgorithm = new Map(
  Object.entries(keyKinds).map(([kind, { algorithm }]) => [algorithm as string, kind as KeyKind]),
);

/** A pair on P-256 that agrees instead of signing (suit-mti): in nothing else another key. */
const agreements = Object.keys(agreementAlgorithms).slice(0, 1);
const wraps = Object.keys(wrapAlgorithms) as readonly WrapAlgorithm[];

interface Options {
  readonly algorithm: string;
  readonly json?: boolean;
}

export function addKeygen(program: Command, terminal: Terminal): void {
  program
    .command('keygen')
    .summary('make a key pair')
    .description(
      'Makes a key pair: the private key in FILE, which only you can read, the public one beside it. ' +
        'For key wrap it makes one secret, which the author and one device share.',
    )
    .argument('<file>', 'where to write the private key, such as author.pem')
    .addOption(
      new Option('--algorithm <name>', 'what the key signs with, or what it is encrypted for with')
        .choices([...kindsByAlgorithm.keys(), ...agreements, ...wraps])
        .default('ESP256'),
    )
    .option('--json', 'print the result as JSON')
    .addHelpText('after', examples)
    .action((file: string, options: Options) => keygen(file, options, terminal));
}

const examples = `
Examples:
  lapel keygen author.pem                          makes author.pem and author.pub.pem
  lapel keygen operator.pem --algorithm Ed25519
  lapel keygen lamp-1.key --algorithm A128KW       a secret of one device, for encryptFor`;

async function keygen(file: string, { algorithm, json }: Options, terminal: Terminal): Promise<void> {
  const wrap = wraps.find((each) => each === algorithm);
  if (wrap !== undefined) return generateSecret(file, wrap, json === true, terminal);
  const publicFile = `${file.replace(/\.pem$/, '')}.pub.pem`;
  requireNew(file, publicFile);
  const key = generateSigningKey(kindsByAlgorithm.get(algorithm) ?? 'P-256');
  const kid = hex(key.kid);
  const isForReading = agreements.includes(algorithm);
  const can = isForReading ? 'read what is encrypted for it' : 'sign';
  const whose = isForReading ? 'whoever encrypts for it' : 'servers and devices';
  await writeNewFile(file, keyToPem(key), 0o600);
  await writeNewFile(publicFile, keyToPem(key.public), 0o644);
  if (json === true) terminal.result(JSON.stringify({ private: file, public: publicFile, algorithm, kid }));
  else if (terminal.quiet) terminal.result(kid);
  else {
    terminal.facts([
      ['private key', `${file}  (keep it secret: whoever has it can ${can})`],
      ['public key', `${publicFile}  (for ${whose})`],
      ['algorithm', algorithm],
      ['key id', kid],
    ]);
  }
}

/** A COSE_Key, as a device keeps it. */
async function generateSecret(
  file: string,
  algorithm: WrapAlgorithm,
  json: boolean,
  terminal: Terminal,
): Promise<void> {
  requireNew(file);
  const key = generateWrappingKey(algorithm);
  const kid = hex(key.kid ?? new Uint8Array());
  await writeNewFile(file, encodeWrappingKey(key), 0o600);
  if (json) terminal.result(JSON.stringify({ secret: file, algorithm, kid }));
  else if (terminal.quiet) terminal.result(kid);
  else {
    terminal.facts([
      ['secret key', `${file}  (for one device, and for whoever encrypts for it)`],
      ['algorithm', algorithm],
      ['key id', kid],
    ]);
  }
}

function requireNew(...files: readonly string[]): void {
  const found = files.find((file) => existsSync(file));
  if (found === undefined) return;
  const message = `expected ${found} not to exist yet, found it: a key is never overwritten`;
  throw new CommandFailure(exitCodes.conflict, message);
}
