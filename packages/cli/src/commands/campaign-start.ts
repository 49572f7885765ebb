/** `lapel campaign start`: an operator signs what shall be rolled out, to whom and how carefully. */

import type { Outline } from '@lapel/author';
import { queryText, readQuery } from '@lapel/status-tracker/policy';
import type { Campaign } from '@lapel/status-tracker/protocol';
import { systemClock, systemRandom } from '@lapel/transport';
import type { Command } from 'commander';
import { Option } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { count, milliseconds, thousandths, waves } from '../quantities.ts';
import type { ServerOptions } from '../server-access.ts';
import { accessServer, withServer } from '../server-access.ts';
import type { SignerOptions } from '../signer.ts';
import { openSigner, requireSigner, signerHelp, watchingOn, withSigner } from '../signer.ts';
import type { Terminal } from '../terminal.ts';
import { sendCampaigns } from './campaign-send.ts';
import type { TermsOptions } from './campaign-terms.ts';
import { termsOf, withTerms } from './campaign-terms.ts';
import { classOf, nameOf, releaseNamed } from './release-named.ts';

interface Options extends ServerOptions, SignerOptions, TermsOptions {
  readonly release: string;
  readonly through?: readonly string[];
  readonly name?: string;
  readonly waves: readonly number[];
  readonly inFlight: number;
  readonly failureRate: number;
  readonly silence: number;
  readonly expires: number;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export function addCampaignStart(campaign: Command, terminal: Terminal): void {
  const command = campaign
    .command('start')
    .description(
      'Signs a campaign with your key and starts it: the tracker offers the manifest, wave by wave.',
    );
  withTerms(withSigner(withServer(command)))
    .requiredOption('--release <which>', 'digest of a released manifest, or the file of its envelope')
    .option('--through <which...>', 'releases that devices must run first, in turn; each is a campaign')
    .option('--name <text>', 'what to call it (default: the version that the manifest tells)')
    .addOption(withDefault('--waves <shares>', 'of all devices, in turn', waves, '1%,10%,100%'))
    .addOption(withDefault('--in-flight <number>', 'devices that update at the same time', count, '100'))
    .addOption(
      withDefault('--failure-rate <share>', 'of finished devices; above it all halts', thousandths, '5%'),
    )
    .addOption(
      withDefault('--silence <time>', 'after which a device with an offer is given up', milliseconds, '1h'),
    )
    .addOption(withDefault('--expires <time>', 'after which nothing is offered', milliseconds, '30d'))
    .option('--dry-run', 'only show each step, and each device that it would not fit')
    .option('--json', 'print the campaign as JSON')
    .addHelpText('after', `${signerHelp}\n${examples}`)
    .action((options: Options) => start(options, terminal));
}

/** An option whose default is shown as a person would write it. */
const withDefault = (flags: string, about: string, parse: (text: string) => unknown, text: string): Option =>
  new Option(flags, about).argParser(parse).default(parse(text), text);

const examples = `
Examples:
  lapel campaign start --release lamp.suit --key operator.pem --token-file operator.token
  lapel campaign start --release DIGEST --key operator.pem --name 'dimmer' --waves 5%,100% --failure-rate 2%
  lapel campaign start --release three.suit --through two.suit --key operator.pem`;

async function start(options: Options, terminal: Terminal): Promise<void> {
  requireSigner(options);
  const access = await accessServer(options);
  const key = await openSigner(options, watchingOn(terminal));
  const outlines: Outline[] = [];
  for (const which of [...(options.through ?? []), options.release])
    outlines.push(await releaseNamed(which, access));
  const campaigns = chained(outlines, options);
  const { dryRun = false, json = false } = options;
  await sendCampaigns(campaigns, { access, key, terminal, dryRun, json });
}

/**
 * A campaign for each release: none is offered to a device before it runs what stands before that. A device
 * goes from one campaign to the next as it says what it runs.
 */
function chained(outlines: readonly Outline[], options: Options): readonly Campaign[] {
  const sequenceOf = (outline: Outline | undefined) => outline?.summary.sequenceNumber ?? 0;
  return outlines.map((outline, at) => {
    const [before, own] = [outlines[at - 1], sequenceOf(outline)];
    if (before !== undefined && own <= sequenceOf(before)) {
      const found = `${sequenceOf(before)} before ${own}`;
      throw new CommandFailure(exitCodes.usage, `expected sequence numbers that rise, found ${found}`);
    }
    const where = from(before === undefined ? undefined : sequenceOf(before), options.where);
    return campaignFor(outline, { ...options, ...(where === undefined ? {} : { where }) });
  });
}

/** Devices that run that sequence number, or a higher one, of those that are meant. */
function from(sequenceNumber: number | undefined, where: string | undefined): string | undefined {
  if (sequenceNumber === undefined) return where;
  const runs = `sequence >= ${sequenceNumber}`;
  return where === undefined ? runs : queryText(readQuery(`(${where}) and ${runs}`));
}

function campaignFor({ digest, summary }: Outline, options: Options): Campaign {
  const created = systemClock.wallMs();
  return {
    version: 1,
    id: systemRandom.bytes(16),
    name: options.name ?? nameOf(summary),
    manifestDigest: digest.bytes,
    ...classOf(summary),
    waves: options.waves,
    inFlightMax: options.inFlight,
    failureRateMax: options.failureRate,
    silenceMsMax: options.silence,
    created,
    expires: created + options.expires,
    ...termsOf(options, created),
  };
}
