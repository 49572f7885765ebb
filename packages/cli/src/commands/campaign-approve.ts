/**
 * `lapel campaign approve`: another operator's consent. What is approved is read from the signed bytes
 * themselves, never from what a server says of them.
 */

import { hex, write } from '@lapel/cbor';
import { digest, signAttached } from '@lapel/cose';
import { CampaignApproval, mediaTypes } from '@lapel/status-tracker/protocol';
import { bytesBody, request, systemClock } from '@lapel/transport';
import type { Command } from 'commander';
import { cellIn, fieldsOf } from '../answers.ts';
import { askJson } from '../ask.ts';
import type { ServerOptions } from '../server-access.ts';
import { accessServer, withServer } from '../server-access.ts';
import type { SignerOptions } from '../signer.ts';
import { openSigner, requireSigner, signerHelp, watchingOn, withSigner } from '../signer.ts';
import type { Terminal } from '../terminal.ts';
import { campaignAsSigned } from './campaign-named.ts';
import { termsFacts, urgencyFact } from './campaign-terms.ts';

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
  const { campaign, signed } = await campaignAsSigned(which, access);
  const id = hex(campaign.id);
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
      urgencyFact(after),
      ['approved by', `${cellIn(after, 'approvals')} of ${cellIn(after, 'approvalsNeeded')}`],
      ['state', cellIn(after, 'state')],
    ]);
  }
}
