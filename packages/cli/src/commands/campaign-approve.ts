/**
 * `lapel campaign approve`: another operator's consent. What is approved is read from the signed bytes
 * themselves, never from what a server says of them.
 */

import { hex, read, write } from '@lapel/cbor';
import { digest, peekSigned, signAttached } from '@lapel/cose';
import { Campaign, CampaignApproval, mediaTypes, messageBytesMax } from '@lapel/status-tracker/protocol';
import { bytesBody, collect, readProblem, request, systemClock } from '@lapel/transport';
import type { Command } from 'commander';
import { cellIn, fieldsOf, textIn } from '../answers.ts';
import { askJson } from '../ask.ts';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import type { ServerAccess, ServerOptions } from '../server-access.ts';
import { accessServer, withServer } from '../server-access.ts';
import type { SignerOptions } from '../signer.ts';
import { openSigner, requireSigner, signerHelp, watchingOn, withSigner } from '../signer.ts';
import type { Terminal } from '../terminal.ts';
import { campaignNamed } from './campaign-named.ts';
import { termsFacts } from './campaign-terms.ts';

interface Options extends ServerOptions, SignerOptions {
  readonly json?: boolean;
}

export function addCampaignApprove(campaign: Command, terminal: Terminal): void {
  const command = campaign.command('approve').description('Consents to a campaign of another operator.');
  withSigner(withServer(command))
    .argument('<campaign>', 'its id, the beginning of it, or its name')
    .option('--json', 'print the campaign as JSON')
    .addHelpText('after', signerHelp)
    .action((which: string, options: Options) => approve(which, options, terminal));
}

async function approve(which: string, options: Options, terminal: Terminal): Promise<void> {
  requireSigner(options);
  const access = await accessServer(options);
  const key = await openSigner(options, watchingOn(terminal));
  const id = textIn(await campaignNamed(which, access), 'id');
  const signed = await signedCampaign(id, access);
  const campaign = read(Campaign, peekSigned(signed).payload);
  if (hex(campaign.id) !== id) {
    throw new CommandFailure(exitCodes.refused, `expected the campaign ${id}, found ${hex(campaign.id)}`);
  }
  const message = write(CampaignApproval, {
    version: 1,
    campaign: campaign.id,
    digest: digest('sha-256', signed),
    created: systemClock.wallMs(),
  });
  const headers = { 'content-type': mediaTypes.cose };
  const body = bytesBody(signAttached(key, message, mediaTypes.cbor));
  const path = `/campaigns/${id}/approvals`;
  const after = fieldsOf(await askJson(access, request('POST', path, { headers, body })));
  if (options.json === true) terminal.result(JSON.stringify(after));
  else if (!terminal.quiet) {
    terminal.facts([
      ['campaign', id],
      ['name', campaign.name],
      ['manifest', hex(campaign.manifestDigest)],
      ...termsFacts(campaign),
      ['approved by', `${cellIn(after, 'approvals')} of ${cellIn(after, 'approvalsNeeded')}`],
      ['state', cellIn(after, 'state')],
    ]);
  }
}

async function signedCampaign(id: string, { handler, token }: ServerAccess): Promise<Uint8Array> {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await handler(request('GET', `/campaigns/${id}/signed`, { headers }));
  if (answer.status !== 'ok') throw await readProblem(answer);
  return collect(answer.body, messageBytesMax);
}
