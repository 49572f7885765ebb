/** `lapel campaign start`: an operator signs what shall be rolled out, to whom and how carefully. */

import { hex, write } from '@lapel/cbor';
import { signAttached } from '@lapel/cose';
import type { Outline } from '@lapel/author';
import { Campaign, mediaTypes } from '@lapel/status-tracker/protocol';
import { uuidText } from '@lapel/suit';
import { bytesBody, request, systemClock, systemRandom } from '@lapel/transport';
import type { Command } from 'commander';
import { Option } from 'commander';
import type { Fields } from '../answers.ts';
import { cellIn, fieldsOf, listOf } from '../answers.ts';
import { askJson } from '../ask.ts';
import { count, durationText, milliseconds, percentText, thousandths, waves } from '../quantities.ts';
import type { ServerOptions } from '../server-access.ts';
import { accessServer, withServer } from '../server-access.ts';
import type { SignerOptions } from '../signer.ts';
import { openSigner, requireSigner, signerHelp, watchingOn, withSigner } from '../signer.ts';
import type { Terminal } from '../terminal.ts';
import type { TermsOptions } from './campaign-terms.ts';
import { termsFacts, termsOf, urgencyFact, withTerms } from './campaign-terms.ts';
import { classOf, releaseNamed } from './release-named.ts';

interface Options extends ServerOptions, SignerOptions, TermsOptions {
  readonly release: string;
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
  lapel campaign start --release DIGEST --key operator.pem --name 'dimmer' --waves 5%,100% --failure-rate 2%`;

async function start(options: Options, terminal: Terminal): Promise<void> {
  requireSigner(options);
  const access = await accessServer(options);
  const key = await openSigner(options, watchingOn(terminal));
  const outline = await releaseNamed(options.release, access);
  const campaign = campaignFor(outline, options);
  const signed = signAttached(key, write(Campaign, campaign), mediaTypes.cbor);
  const headers = { 'content-type': mediaTypes.cose };
  const path = options.dryRun === true ? '/campaigns/dry-run' : '/campaigns';
  const answer = await askJson(access, request('POST', path, { headers, body: bytesBody(signed) }));
  const id = hex(campaign.id);
  if (options.json === true) terminal.result(JSON.stringify(answer));
  else if (options.dryRun === true) tellDryRun(fieldsOf(answer), terminal);
  else if (terminal.quiet) terminal.result(id);
  else {
    terminal.facts([
      ['campaign', id],
      ['name', campaign.name],
      ['manifest', hex(campaign.manifestDigest)],
      ['vendor', uuidText(campaign.vendor)],
      ['class', uuidText(campaign.class)],
      ['waves', campaign.waves.map(percentText).join(', ')],
      ['in flight', `at most ${campaign.inFlightMax}`],
      ...termsFacts(campaign),
      urgencyFact(fieldsOf(answer)),
      ['gives up', `a device that is silent for ${durationText(campaign.silenceMsMax)}`],
      ['expires', new Date(campaign.expires).toISOString()],
      ['signed with', `key ${hex(key.kid)}`],
    ]);
    const next = campaign.approvals === undefined ? 'status' : 'approve';
    terminal.note(`\nNext: lapel campaign ${next} ${id.slice(0, 8)}${next === 'status' ? ' --follow' : ''}`);
  }
}

function tellDryRun(run: Fields, terminal: Terminal): void {
  const steps = listOf(run['steps']).map((step, index) => [`step ${index + 1}`, String(step)] as const);
  const unfit = listOf(run['unfit']).map(fieldsOf);
  terminal.facts([
    ...steps,
    ['meant', `${cellIn(run, 'meant')} devices, ${cellIn(run, 'fitting')} to be offered it`],
    ['done', `${cellIn(run, 'done')} run it already, or something newer`],
    ['not meant', `${cellIn(run, 'notMeant')}, and ${cellIn(run, 'unknown')} that have not told enough`],
    ['unfit', cellIn(run, 'unfitCount')],
  ]);
  if (unfit.length === 0) return;
  terminal.table(
    ['DEVICE', 'WOULD NOT FIT BECAUSE'],
    unfit.map((each) => [cellIn(each, 'device'), cellIn(each, 'because')]),
  );
}

function campaignFor({ digest, summary }: Outline, options: Options): Campaign {
  const created = systemClock.wallMs();
  return {
    version: 1,
    id: systemRandom.bytes(16),
    name: options.name ?? nameFor(summary),
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

function nameFor({ text, sequenceNumber }: Outline['summary']): string {
  const components = text?.rest.flatMap(([, texts]) => texts.rest.map(([, component]) => component)) ?? [];
  const model = components.find((each) => each.modelInfo !== undefined)?.modelInfo;
  const version = components.find((each) => each.componentVersion !== undefined)?.componentVersion;
  const words = [model, version].filter((each) => each !== undefined);
  return (words.length > 0 ? words.join(' ') : `sequence ${sequenceNumber}`).slice(0, 64);
}
