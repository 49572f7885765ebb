/**
 * `lapel campaign`: rollouts, as operators order and watch them. Every order is signed with the
 * operator's key.
 */

import { unhex, write } from '@lapel/cbor';
import { signAttached } from '@lapel/cose';
import { CampaignOrder, mediaTypes } from '@lapel/status-tracker/protocol';
import { bytesBody, request, systemClock } from '@lapel/transport';
import type { Command } from 'commander';
import type { Fields } from '../answers.ts';
import { cellIn, fieldsOf, listOf, numberIn, textIn } from '../answers.ts';
import { askJson } from '../ask.ts';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { durationText, percentText } from '../quantities.ts';
import type { ServerOptions } from '../server-access.ts';
import { accessServer, withServer } from '../server-access.ts';
import type { SignerOptions } from '../signer.ts';
import { openSigner, requireSigner, signerHelp, watchingOn, withSigner } from '../signer.ts';
import type { Terminal } from '../terminal.ts';
import { progressLine } from '../terminal.ts';
import { addCampaignApprove } from './campaign-approve.ts';
import { campaignNamed, campaignsAt } from './campaign-named.ts';
import { addCampaignClone } from './campaign-clone.ts';
import { addCampaignPatched } from './campaign-patched.ts';
import { addCampaignStart } from './campaign-start.ts';
import { urgencyFact } from './campaign-terms.ts';

interface Options extends ServerOptions {
  readonly json?: boolean;
}

interface StatusOptions extends Options {
  readonly follow?: boolean;
}

interface OrderOptions extends Options, SignerOptions {}

const orders = {
  pause: 'Makes no further offers until the campaign is resumed.',
  resume: 'Goes on with a campaign that was paused, or that halted because too many devices failed.',
  retry: 'Gives another chance to devices that fell silent, went back, or could not fetch or write.',
  abort: 'Ends a campaign for good; devices that have installed the update keep it.',
} as const;
type Order = keyof typeof orders;

export function addTo(program: Command, terminal: Terminal): void {
  const campaign = program
    .command('campaign')
    .description(
      'Rolls a released manifest out to the devices that it is for. Campaigns and orders are signed.',
    )
    .addHelpText('after', examples);
  addCampaignStart(campaign, terminal);
  withServer(campaign.command('list').description('Lists the campaigns, the latest first.'))
    .option('--json', 'print the list as JSON')
    .action((options: Options) => list(options, terminal));
  withServer(campaign.command('status').description('Shows how far a campaign is.'))
    .argument('<campaign>', 'its id, the beginning of it, or its name')
    .option('--follow', 'wait until it ends; exit code 1 where it halts or is aborted')
    .option('--json', 'print the campaign as JSON')
    .action((which: string, options: StatusOptions) => status(which, options, terminal));
  addCampaignApprove(campaign, terminal);
  addCampaignClone(campaign, terminal);
  addCampaignPatched(campaign, terminal);
  for (const order of Object.keys(orders) as Order[]) {
    withSigner(withServer(campaign.command(order).description(orders[order])))
      .argument('<campaign>', 'its id, the beginning of it, or its name')
      .option('--json', 'print the campaign as JSON')
      .addHelpText('after', signerHelp)
      .action((which: string, options: OrderOptions) => give(order, which, options, terminal));
  }
}

const examples = `
Examples:
  lapel campaign start --release lamp.suit --key operator.pem --token-file operator.token
  lapel campaign status 'lamp 1.1.0' --follow --token-file viewer.token
  lapel campaign pause 3f2a91cc --key operator.pem --token-file operator.token`;

async function list(options: Options, terminal: Terminal): Promise<void> {
  const campaigns = await campaignsAt(await accessServer(options));
  if (options.json === true) terminal.result(JSON.stringify(campaigns));
  else if (campaigns.length === 0) terminal.note('no campaigns yet');
  else {
    terminal.table(
      ['CAMPAIGN', 'NAME', 'STATE', 'CONFIRMED', 'FAILED', 'IN FLIGHT', 'STARTED'],
      campaigns.map((campaign) => {
        const totals = fieldsOf(campaign['totals']);
        return [
          textIn(campaign, 'id').slice(0, 8),
          cellIn(campaign, 'name'),
          cellIn(campaign, 'state'),
          `${cellIn(totals, 'confirmed')} of ${cellIn(totals, 'addressed')}`,
          `${failedOf(totals)}`,
          cellIn(totals, 'inFlight'),
          `${durationText(systemClock.wallMs() - numberIn(campaign, 'acceptedMs'))} ago`,
        ];
      }),
    );
  }
}

const followMs = 1_000;

async function status(which: string, options: StatusOptions, terminal: Terminal): Promise<void> {
  const access = await accessServer(options);
  let campaign = await campaignNamed(which, access);
  const path = `/campaigns/${textIn(campaign, 'id')}`;
  while (options.follow === true && ['running', 'paused'].includes(textIn(campaign, 'state'))) {
    const totals = fieldsOf(campaign['totals']);
    const [confirmed, addressed] = [numberIn(totals, 'confirmed'), numberIn(totals, 'addressed')];
    const label = `${confirmed} of ${addressed} confirmed, ${textIn(campaign, 'state')}`;
    terminal.move(progressLine(addressed === 0 ? 0 : confirmed / addressed, label));
    await systemClock.sleep(followMs);
    campaign = fieldsOf(await askJson(access, request('GET', path)));
  }
  tell(campaign, options, terminal);
  const state = textIn(campaign, 'state');
  if (options.follow === true && state !== 'completed') {
    const because = cellIn(campaign, 'because');
    const why = because === '' ? '' : `: ${because}`;
    throw new CommandFailure(exitCodes.failed, `expected the campaign to complete, found it ${state}${why}`);
  }
}

function tell(campaign: Fields, { json }: Options, terminal: Terminal): void {
  if (json === true) {
    terminal.result(JSON.stringify(campaign));
    return;
  }
  const totals = fieldsOf(campaign['totals']);
  const because = cellIn(campaign, 'because');
  const waves = listOf(campaign['waves']).map((share) => percentText(Number(share)));
  terminal.facts([
    ['campaign', textIn(campaign, 'id')],
    ['name', cellIn(campaign, 'name')],
    ['state', `${textIn(campaign, 'state')}${because === '' ? '' : `: ${because}`}`],
    ['manifest', `${cellIn(campaign, 'manifestDigest')}, sequence ${cellIn(campaign, 'sequenceNumber')}`],
    ['class', cellIn(campaign, 'class')],
    ['addressed', cellIn(totals, 'addressed')],
    ['confirmed', cellIn(totals, 'confirmed')],
    ['in flight', `${cellIn(totals, 'inFlight')}, at most ${cellIn(campaign, 'inFlightMax')}`],
    ['waiting', cellIn(totals, 'waiting')],
    ['failed', failedText(totals, numberIn(campaign, 'failureRateMax'))],
    ['unfit', cellIn(totals, 'unfit')],
    ['waves', waves.join(', ')],
    urgencyFact(campaign),
    ['by', cellIn(campaign, 'actor')],
  ]);
}

const failedOf = (totals: Fields): number =>
  numberIn(totals, 'failed') + numberIn(totals, 'reverted') + numberIn(totals, 'givenUp');

function failedText(totals: Fields, rateMax: number): string {
  const parts = [
    `${numberIn(totals, 'failed')} failed`,
    `${numberIn(totals, 'reverted')} reverted`,
    `${numberIn(totals, 'givenUp')} given up`,
  ];
  return `${failedOf(totals)} (${parts.join(', ')}); halts above ${percentText(rateMax)}`;
}

async function give(order: Order, which: string, options: OrderOptions, terminal: Terminal): Promise<void> {
  requireSigner(options);
  const access = await accessServer(options);
  const key = await openSigner(options, watchingOn(terminal));
  const campaign = await campaignNamed(which, access);
  const id = textIn(campaign, 'id');
  const message = write(CampaignOrder, {
    version: 1,
    campaign: unhex(id) ?? new Uint8Array(),
    number: numberIn(campaign, 'orderNumber') + 1,
    order,
    created: systemClock.wallMs(),
  });
  const headers = { 'content-type': mediaTypes.cose };
  const body = bytesBody(signAttached(key, message, mediaTypes.cbor));
  const after = fieldsOf(
    await askJson(access, request('POST', `/campaigns/${id}/orders`, { headers, body })),
  );
  if (options.json === true) terminal.result(JSON.stringify(after));
  else if (!terminal.quiet) {
    terminal.facts([
      ['campaign', id],
      ['name', cellIn(after, 'name')],
      ['state', textIn(after, 'state')],
    ]);
  }
}
