/** `lapel verify`: would a device that trusts these keys accept this envelope? */

import { hex } from '@lapel/cbor';
import type { Verified } from '@lapel/author';
import { verifyEnvelope } from '@lapel/author';
import type { Requirement } from '@lapel/suit';
import { SuitError } from '@lapel/suit';
import type { Command } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { readEnvelopeFile } from '../files.ts';
import type { Terminal } from '../terminal.ts';
import { readAnchors, requireOption, trustHelp } from '../trusted-keys.ts';
import { updateInWords } from '../update-in-words.ts';

interface Options {
  readonly trust: readonly string[];
  readonly require: readonly Requirement[];
  readonly json?: boolean;
}

export function addTo(program: Command, terminal: Terminal): void {
  program
    .command('verify')
    .description(
      'Checks that those who must have signed the envelope, and that it is what they signed. ' +
        'Exit code 6 where not.',
    )
    .argument('<envelope>', 'the envelope, or - for stdin')
    .requiredOption('--trust <file=group...>', 'keys to trust (PEM, COSE_Key), each in a group, or in none')
    .addOption(requireOption())
    .option('--json', 'print the result as JSON')
    .addHelpText('after', `${trustHelp}\n${examples}`)
    .action((file: string, options: Options) => verify(file, options, terminal));
}

const examples = `
Examples:
  lapel verify lamp.suit --trust author.pub.pem
  lapel verify lamp.suit --trust author.pub.pem=author operator.pub.pem=operator \\
        --require 1:author --require 1:operator --json`;

async function verify(
  file: string,
  { trust, require: required, json }: Options,
  terminal: Terminal,
): Promise<void> {
  const trusted = await readAnchors(trust, required);
  const bytes = await readEnvelopeFile(file);
  let verified: Verified;
  try {
    verified = verifyEnvelope(bytes, trusted, required);
  } catch (error) {
    if (!(error instanceof SuitError)) throw error;
    const { stage, reason, message } = error;
    if (json === true) terminal.result(JSON.stringify({ authentic: false, stage, reason, message }));
    throw new CommandFailure(
      exitCodes.refused,
      `${file} is not authentic: stage ${stage}, reason ${reason}: ${message}`,
    );
  }
  const { authentic, summary } = verified;
  const by = trusted.filter(({ key }) => authentic.anchors.some((anchor) => anchor.key === key));
  if (json === true) {
    const { digest, manifest } = authentic;
    const found = { digest: hex(digest.bytes), sequence: manifest.sequenceNumber };
    const signedBy = by[0]?.file ?? '';
    const vouchers = by.map(({ file: voucher, group }) => ({
      file: voucher,
      ...(group === undefined ? {} : { group }),
    }));
    terminal.result(JSON.stringify({ authentic: true, ...found, signedBy, vouchers }));
    return;
  }
  if (terminal.quiet) return;
  const whom = by.map(({ file: voucher, group }) =>
    group === undefined ? voucher : `${voucher} (${group})`,
  );
  terminal.facts([
    ['authentic', `signed by ${whom.join(' and ')}`],
    ...updateInWords({ ...authentic, summary }),
  ]);
}
