/**
 * `lapel encrypt`: a payload for those only who hold one of the keys. It goes piece by piece, so it may be
 * larger than memory.
 */

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { hex } from '@lapel/cbor';
import type { ContentAlgorithm } from '@lapel/cose';
import { createDigest } from '@lapel/cose';
import { contentAlgorithmNames, encryptionFor, fileImages } from '@lapel/author';
import type { Command } from 'commander';
import { Option } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { replaceFile, replaceInPieces } from '../files.ts';
import { sizeText } from '../quantities.ts';
import type { Terminal } from '../terminal.ts';
import { progressLine } from '../terminal.ts';

interface Options {
  readonly for: readonly string[];
  readonly algorithm: ContentAlgorithm;
  readonly out?: string;
  readonly info?: string;
  readonly json?: boolean;
}

export function addTo(program: Command, terminal: Terminal): void {
  program
    .command('encrypt')
    .description(
      'Encrypts a file, and writes the ciphertext and the SUIT_Encryption_Info that tells each device ' +
        'how to come back from there. With encryptFor in a description, lapel create does it by itself.',
    )
    .argument('<file>', 'the payload')
    .requiredOption('--for <key...>', 'keys of the devices: secrets for key wrap, or keys on P-256')
    .addOption(
      new Option('--algorithm <name>', 'what the content is encrypted with')
        .choices(contentAlgorithmNames)
        .default('A128GCM'),
    )
    .option('-o, --out <file>', 'where to write the ciphertext (default: FILE.encrypted)')
    .option('--info <file>', 'where to write the SUIT_Encryption_Info (default: FILE.info)')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', examples)
    .action((file: string, options: Options) => encrypt(file, options, terminal));
}

const examples = `
Examples:
  lapel keygen lamp-1.key --algorithm A128KW
  lapel encrypt lamp.bin --for lamp-1.key
  lapel encrypt lamp.bin --for lamp-1.key lamp-2.pub.pem --algorithm A256GCM -o lamp.secret`;

/** What a firmware server takes. */
const payloadBytesMax = 512 * 1024 * 1024;

async function encrypt(file: string, options: Options, terminal: Terminal): Promise<void> {
  const { algorithm, json, out = `${file}.encrypted`, info: infoFile = `${file}.info` } = options;
  requireDistinct(file, out, infoFile);
  const found = await stat(file);
  if (found.isDirectory()) {
    throw new CommandFailure(exitCodes.failed, `expected ${file} to be a file, found a folder`);
  }
  const { size } = found;
  if (size > payloadBytesMax) {
    const expected = `expected a payload of at most ${sizeText(payloadBytesMax)}`;
    throw new CommandFailure(exitCodes.failed, `${expected} in ${file}, found ${sizeText(size)}`);
  }
  const { info, update, finish } = await encryptionFor(
    { algorithm, recipients: options.for },
    fileImages('.'),
  );
  const sum = createDigest('sha-256');
  let [read, written] = [0, 0];
  await replaceInPieces(out, async (write) => {
    const put = async (piece: Uint8Array) => {
      sum.update(piece);
      written += piece.length;
      await write(piece);
    };
    for await (const chunk of createReadStream(file) as AsyncIterable<Uint8Array>) {
      read += chunk.length;
      terminal.move(progressLine(read / size, `${sizeText(read)} of ${sizeText(size)}`));
      await put(update(chunk));
    }
    await put(finish());
    // Neither is good for anything without the other.
    await replaceFile(infoFile, info);
  });
  terminal.move('');
  const digest = hex(sum.finish());
  if (json === true) {
    terminal.result(JSON.stringify({ file: out, bytes: written, digest, algorithm, info: infoFile }));
  } else if (terminal.quiet) terminal.result(digest);
  else {
    terminal.facts([
      ['ciphertext', `${out}, ${written} bytes, ${algorithm}`],
      ['digest', `sha-256 ${digest}`],
      ['info', `${infoFile}, ${info.length} bytes, for ${options.for.length} of them who can read it`],
    ]);
  }
}

function requireDistinct(...files: readonly string[]): void {
  if (new Set(files.map((each) => resolve(each))).size === files.length) return;
  const found = files.join(', ');
  throw new CommandFailure(exitCodes.usage, `expected three files, found one of them twice: ${found}`);
}
