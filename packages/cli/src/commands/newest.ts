/**
 * `lapel newest`: an operator signs which release of a class is the newest, with a date until which that
 * holds. Devices that are told nothing for longer know that they may be kept in the past.
 */

import { hex, write } from '@lapel/cbor';
import { signAttached } from '@lapel/cose';
import { NewestRelease, mediaTypes, newestMsMax } from '@lapel/status-tracker/protocol';
import { uuidText } from '@lapel/suit';
import { bytesBody, request, systemClock } from '@lapel/transport';
import type { Command } from 'commander';
import { Option } from 'commander';
import type { Fields } from '../answers.ts';
import { cellIn, fieldsOf, listOf, numberIn } from '../answers.ts';
import { askJson } from '../ask.ts';
import { usage } from '../device/options.ts';
import { durationText, milliseconds } from '../quantities.ts';
import type { ServerOptions } from '../server-access.ts';
import { accessServer, withServer } from '../server-access.ts';
import type { SignerOptions } from '../signer.ts';
import { openSigner, requireSigner, signerHelp, watchingOn, withSigner } from '../signer.ts';
import type { Terminal } from '../terminal.ts';
import { classOf, releaseNamed } from './release-named.ts';

interface Options extends ServerOptions {
  readonly json?: boolean;
}

interface TellOptions extends Options, SignerOptions {
  readonly release: string;
  readonly for: number;
}

export function addTo(program: Command, terminal: Terminal): void {
  const newest = program
    .command('newest')
    .description('Tells devices which release of their class is the newest, so that they notice old state.');
  withServer(newest.command('list', { isDefault: true }).description('Lists what was told last.'))
    .option('--json', 'print the list as JSON')
    .action((options: Options) => list(options, terminal));
  const tell = newest
    .command('tell')
    .description('Signs that a release is the newest of its class. Do it again before it runs out.');
  withSigner(withServer(tell))
    .requiredOption('--release <which>', 'digest of a released manifest, or the file of its envelope')
    .addOption(
      new Option('--for <time>', 'how long that holds, 92d at most')
        .argParser(milliseconds)
        .default(milliseconds(lifetime), lifetime),
    )
    .option('--json', 'print the result as JSON')
    .addHelpText('after', `${signerHelp}\n${examples}`)
    .action((options: TellOptions) => tellNewest(options, terminal));
}

const lifetime = '30d';

const examples = `
Examples:
  lapel newest tell --release lamp.suit --key operator.pem --token-file operator.token
  lapel newest tell --release DIGEST --key operator.pem --for 7d`;

async function list(options: Options, terminal: Terminal): Promise<void> {
  const access = await accessServer(options);
  const told = listOf(await askJson(access, request('GET', '/newest'))).map(fieldsOf);
  if (options.json === true) terminal.result(JSON.stringify(told));
  else if (told.length === 0) terminal.note('nobody has told yet which release of any class is the newest');
  else terminal.table(['CLASS', 'SEQUENCE', 'HOLDS', 'MANIFEST'], told.map(rowOf));
}

const rowOf = (told: Fields): readonly string[] => {
  const leftMs = numberIn(told, 'expiresMs') - systemClock.wallMs();
  const holds = leftMs > 0 ? `for ${durationText(leftMs)}` : `no more, since ${durationText(-leftMs)}`;
  return [cellIn(told, 'class'), cellIn(told, 'sequenceNumber'), holds, cellIn(told, 'manifestDigest')];
};

async function tellNewest(options: TellOptions, terminal: Terminal): Promise<void> {
  requireSigner(options);
  if (options.for > newestMsMax) {
    throw usage(`expected --for 92d at most, found ${durationText(options.for)}`);
  }
  const access = await accessServer(options);
  const key = await openSigner(options, watchingOn(terminal));
  const { digest, summary } = await releaseNamed(options.release, access);
  const of = classOf(summary);
  const created = systemClock.wallMs();
  const { sequenceNumber } = summary;
  const expires = created + options.for;
  const word = { version: 1, ...of, manifestDigest: digest.bytes, sequenceNumber, created, expires } as const;
  const body = bytesBody(signAttached(key, write(NewestRelease, word), mediaTypes.cbor));
  const headers = { 'content-type': mediaTypes.cose };
  const answer = await askJson(access, request('POST', '/newest', { headers, body }));
  if (options.json === true) terminal.result(JSON.stringify(answer));
  else if (!terminal.quiet) {
    terminal.facts([
      ['manifest', hex(digest.bytes)],
      ['sequence', `${sequenceNumber}`],
      ['vendor', uuidText(of.vendor)],
      ['class', uuidText(of.class)],
      ['holds until', new Date(expires).toISOString()],
      ['signed with', `key ${hex(key.kid)}`],
    ]);
  }
}
