/** `lapel verify`: would a device that trusts these keys accept this envelope? */

import { hex } from '@lapel/cbor';
import type { VerificationKey } from '@lapel/cose';
import type { Verified } from '@lapel/author';
import { verifyEnvelope } from '@lapel/author';
import { SuitError } from '@lapel/suit';
import type { Command } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { readEnvelopeFile, readVerificationKey } from '../files.ts';
import type { Terminal } from '../terminal.ts';
import { updateInWords } from '../update-in-words.ts';

interface Options {
  readonly trust: readonly string[];
  readonly json?: boolean;
}

export function addVerify(program: Command, terminal: Terminal): void {
  program
    .command('verify')
    .summary('check the signature and the digests of an envelope')
    .description(
      'Checks that a trusted key signed the envelope and that it is what was signed. Exit code 6 where not.',
    )
    .argument('<envelope>', 'the envelope, or - for stdin')
    .requiredOption('--trust <file...>', 'public keys to trust (PEM)')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', examples)
    .action((file: string, options: Options) => verify(file, options, terminal));
}

const examples = `
Examples:
  lapel verify lamp.suit --trust author.pub.pem
  lapel verify lamp.suit --trust author.pub.pem operator.pub.pem --json`;

async function verify(file: string, { trust, json }: Options, terminal: Terminal): Promise<void> {
  const keysByFile = new Map<string, VerificationKey>();
  for (const each of trust) keysByFile.set(each, await readVerificationKey(each));
  const bytes = await readEnvelopeFile(file);
  let verified: Verified;
  try {
    verified = verifyEnvelope(
      bytes,
      [...keysByFile.values()].map((key) => ({ key })),
    );
  } catch (error) {
    if (!(error instanceof SuitError)) throw error;
    const { stage, reason, message } = error;
    if (json === true) terminal.result(JSON.stringify({ authentic: false, stage, reason, message }));
    throw new CommandFailure(
      exitCodes.refused,
      `not authentic: stage ${stage}, reason ${reason}: ${message}`,
    );
  }
  const { authentic, summary } = verified;
  const by = [...keysByFile].find(([, key]) => key === authentic.anchors[0].key)?.[0] ?? '';
  if (json === true) {
    const { digest, manifest } = authentic;
    const found = { digest: hex(digest.bytes), sequence: manifest.sequenceNumber, signedBy: by };
    terminal.result(JSON.stringify({ authentic: true, ...found }));
    return;
  }
  if (terminal.quiet) return;
  const told = [['authentic', `signed by ${by}`] as const, ...updateInWords({ ...authentic, summary })];
  terminal.facts(told);
}
