/** `lapel mac`: an authentication block by a secret that is shared with one Recipient (COSE_Mac0). */

import { hex } from '@lapel/cbor';
import { macEnvelope, requireUnsigned } from '@lapel/author';
import type { Command } from 'commander';
import { readOutline } from '../envelope-file.ts';
import { replaceFile } from '../files.ts';
import { readMacKey } from '../key-files.ts';
import { targetOf } from '../sealed-file.ts';
import type { Terminal } from '../terminal.ts';
import { updateInWords } from '../update-in-words.ts';

interface Options {
  readonly secret: string;
  readonly out?: string;
  readonly json?: boolean;
}

export function addTo(program: Command, terminal: Terminal): void {
  program
    .command('mac')
    .description(
      'Adds a MAC to an envelope, in place of a signature or beside it. Only who has the secret can ' +
        'check it, and whoever can check it could have made it: one secret is for one device. ' +
        'Devices that Lapel makes take signatures only.',
    )
    .argument('<envelope>', 'the envelope, or - for stdin')
    .requiredOption('--secret <file>', 'the secret (lapel keygen FILE --algorithm HMAC-256)')
    .option('-o, --out <file>', 'where to write it (default: in place)')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', examples)
    .action((file: string, options: Options) => mac(file, options, terminal));
}

const examples = `
Examples:
  lapel keygen lamp-1.mac --algorithm HMAC-256
  lapel mac lamp.suit --secret lamp-1.mac -o lamp-1.suit
  lapel verify lamp-1.suit --trust lamp-1.mac`;

async function mac(file: string, { secret, out, json }: Options, terminal: Terminal): Promise<void> {
  const target = targetOf(file, out);
  const { bytes, outline } = await readOutline(file);
  const key = await readMacKey(secret);
  requireUnsigned(outline.envelope, key);
  const isTold = json !== true && !terminal.quiet;
  const words = updateInWords(outline);
  const width = Math.max('authenticated'.length, ...words.map(([name]) => name.length));
  if (isTold) terminal.facts(words, width);
  const authenticated = macEnvelope(bytes, key);
  await replaceFile(target, authenticated);
  const [digest, kid] = [hex(outline.digest.bytes), hex(key.kid ?? new Uint8Array())];
  const blocks = outline.envelope.blocks.length + 1;
  if (json === true) {
    const made = { file: target, bytes: authenticated.length, digest, kid, blocks };
    terminal.result(JSON.stringify({ ...made, algorithm: 'HMAC 256/256' }));
  } else if (!isTold) terminal.result(digest);
  else {
    const counted = `${blocks} authentication block${blocks === 1 ? '' : 's'}`;
    const told = [
      ['authenticated', `HMAC 256/256, secret ${kid}`] as const,
      ['envelope', `${target}, ${authenticated.length} bytes, ${counted}`] as const,
    ];
    terminal.facts(told, width);
  }
}
