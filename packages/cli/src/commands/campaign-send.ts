/** What every campaign goes through at the command line: signed here, brought to the server, and told. */

import { hex, write } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { signAttached } from '@lapel/cose';
import { Campaign, mediaTypes } from '@lapel/status-tracker/protocol';
import { uuidText } from '@lapel/suit';
import { bytesBody, request } from '@lapel/transport';
import type { Fields } from '../answers.ts';
import { cellIn, fieldsOf, listOf } from '../answers.ts';
import { askJson } from '../ask.ts';
import { durationText, percentText } from '../quantities.ts';
import type { ServerAccess } from '../server-access.ts';
import type { Terminal } from '../terminal.ts';
import { termsFacts, urgencyFact } from './campaign-terms.ts';

export interface Sending {
  readonly access: ServerAccess;
  readonly key: SigningKey;
  readonly terminal: Terminal;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** In turn; none is started where the server would refuse one of them. */
export async function sendCampaigns(campaigns: readonly Campaign[], sending: Sending): Promise<void> {
  const { access, key, terminal, dryRun = false, json = false } = sending;
  const signed = campaigns.map((campaign) => signAttached(key, write(Campaign, campaign), mediaTypes.cbor));
  const bring = async (path: string, bytes: Uint8Array) => {
    const headers = { 'content-type': mediaTypes.cose };
    return fieldsOf(await askJson(access, request('POST', path, { headers, body: bytesBody(bytes) })));
  };
  const answers: Fields[] = [];
  // One that is refused is refused as it starts.
  if (dryRun || campaigns.length > 1)
    for (const each of signed) answers.push(await bring('/campaigns/dry-run', each));
  if (!dryRun) {
    answers.length = 0;
    for (const each of signed) answers.push(await bring('/campaigns', each));
  }
  if (json) return terminal.result(JSON.stringify(answers.length === 1 ? answers[0] : answers));
  for (const [at, campaign] of campaigns.entries()) {
    const answer = answers[at] ?? {};
    if (at > 0 && !terminal.quiet) terminal.result('');
    if (dryRun) tellDryRun(answer, terminal);
    else if (terminal.quiet) terminal.result(hex(campaign.id));
    else tellStarted(campaign, answer, { key, terminal });
  }
  if (!dryRun && !terminal.quiet) tellNext(campaigns, terminal);
}

function tellStarted(
  campaign: Campaign,
  answer: Fields,
  { key, terminal }: Pick<Sending, 'key' | 'terminal'>,
) {
  terminal.facts([
    ['campaign', hex(campaign.id)],
    ['name', campaign.name],
    ['manifest', hex(campaign.manifestDigest)],
    ['vendor', uuidText(campaign.vendor)],
    ['class', uuidText(campaign.class)],
    ['waves', campaign.waves.map(percentText).join(', ')],
    ['in flight', `at most ${campaign.inFlightMax}`],
    ...termsFacts(campaign),
    urgencyFact(answer),
    ['gives up', `a device that is silent for ${durationText(campaign.silenceMsMax)}`],
    ['expires', new Date(campaign.expires).toISOString()],
    ['signed with', `key ${hex(key.kid)}`],
  ]);
}

function tellNext(campaigns: readonly Campaign[], terminal: Terminal): void {
  const last = campaigns.at(-1);
  if (last === undefined) return;
  const next = last.approvals === undefined ? 'status' : 'approve';
  const follow = next === 'status' ? ' --follow' : '';
  terminal.note(`\nNext: lapel campaign ${next} ${hex(last.id).slice(0, 8)}${follow}`);
}

function tellDryRun(run: Fields, terminal: Terminal): void {
  const steps = listOf(run['steps']).map((step, index) => [`step ${index + 1}`, String(step)] as const);
  const unfit = listOf(run['unfit']).map(fieldsOf);
  terminal.facts([
    ['name', cellIn(run, 'name')],
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
