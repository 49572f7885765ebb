/** `lapel report`: what a device says of an update, verified, held against the manifest, and told. */

import type { ToldReport } from '@lapel/author';
import { tellReport } from '@lapel/author';
import { hex, unhex } from '@lapel/cbor';
import { equalInConstantTime } from '@lapel/cose';
import type { AuthenticManifest, TrustAnchor } from '@lapel/suit';
import { SuitError, authenticate, openReport, requirePlausible, server } from '@lapel/suit';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { inFile, readOutline } from '../envelope-file.ts';
import { readUnproven } from '../files.ts';
import { readAnchorKey } from '../key-files.ts';
import type { Terminal } from '../terminal.ts';

interface Options {
  readonly trust: readonly string[];
  readonly manifest?: string;
  readonly nonce?: Uint8Array;
  readonly json?: boolean;
}

export function addTo(program: Command, terminal: Terminal): void {
  program
    .command('report')
    .description(
      'Verifies a SUIT_Report and tells it; with --manifest, whether it can be true. Exit code 6 where not.',
    )
    .argument('<report>', 'the report, or - for stdin')
    .requiredOption('--trust <file...>', "keys of the device and, for --manifest, of the manifest's author")
    .option('--manifest <file>', 'the envelope that it is about')
    .option('--nonce <hex>', 'what was sent to the device for this report', nonceOf)
    .option('--json', 'print it as JSON')
    .addHelpText('after', examples)
    .action((file: string, options: Options) => report(file, options, terminal));
}

const examples = `
Examples:
  lapel report lamp-17.report --trust lamp-17.pub.pem
  lapel report lamp-17.report --trust lamp-17.pub.pem author.pub.pem --manifest lamp.suit --nonce 8a9f…`;

function nonceOf(text: string): Uint8Array {
  const bytes = unhex(text);
  if (bytes !== undefined && bytes.length > 0) return bytes;
  throw new InvalidArgumentError(`expected bytes in hex, found ${text}`);
}

async function report(file: string, options: Options, terminal: Terminal): Promise<void> {
  const { manifest, nonce, json } = options;
  const trusted = new Map<string, TrustAnchor>();
  for (const each of options.trust) trusted.set(each, { key: await readAnchorKey(each) });
  const anchors = [...trusted.values()];
  const encoded = await readUnproven(file);
  const about = manifest === undefined ? undefined : await readOutline(manifest);
  const keys = anchors.flatMap(({ key }) => (key.use === 'verify' ? [key] : []));
  const opened = inFile(file, () => openReport(encoded, keys));
  const by = [...trusted].find(([, { key }]) => key === opened.key)?.[0] ?? '';
  let authentic: AuthenticManifest | undefined;
  if (about !== undefined) {
    const proven = inFile(manifest ?? '', () => authenticate(about.bytes, anchors, server));
    inFile(file, () => requirePlausible(opened.report, proven, nonce));
    authentic = proven;
  }
  inFile(file, () => requireNonce(opened.report.nonce, nonce));
  const told = tellReport(opened.report, authentic);
  if (json === true) {
    const facts = { authentic: true, signedBy: by, replayed: authentic !== undefined };
    terminal.result(JSON.stringify({ ...facts, ...told }, null, 2));
  } else if (!terminal.quiet) show(told, by, authentic !== undefined, terminal);
}

function requireNonce(found: Uint8Array | undefined, wanted: Uint8Array | undefined): void {
  if (wanted === undefined || (found !== undefined && equalInConstantTime(found, wanted))) return;
  const text = found === undefined ? 'none' : hex(found);
  throw new SuitError(
    'setup',
    'unauthorised',
    `SUIT_Report: expected the nonce ${hex(wanted)}, found ${text}`,
  );
}

function show(told: ToldReport, by: string, replayed: boolean, terminal: Terminal): void {
  const { manifest, uri, nonce, reason, tellsCapabilities, story } = told;
  terminal.facts([
    ['authentic', `signed with the key of ${by}`],
    ['manifest', manifest],
    ...(uri === '' ? [] : [['manifest at', uri] as const]),
    ...(nonce === undefined ? [] : [['nonce', nonce] as const]),
    [
      'plausible',
      replayed ? 'yes: each record is of a command that is recorded' : 'not looked at: see --manifest',
    ],
    ...(tellsCapabilities ? [['capabilities', 'told, too'] as const] : []),
    ['result', reason],
  ]);
  terminal.result('');
  for (const [index, sentence] of story.entries())
    terminal.facts([[String(index + 1).padStart(3), sentence]]);
}
