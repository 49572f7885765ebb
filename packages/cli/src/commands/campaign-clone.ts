/** `lapel campaign clone`: the same again, for another release or another time, signed anew. */

import type { Campaign } from '@lapel/status-tracker/protocol';
import { systemClock, systemRandom } from '@lapel/transport';
import type { Command } from 'commander';
import type { ServerOptions } from '../server-access.ts';
import { accessServer, withServer } from '../server-access.ts';
import type { SignerOptions } from '../signer.ts';
import { openSigner, requireSigner, signerHelp, watchingOn, withSigner } from '../signer.ts';
import type { Terminal } from '../terminal.ts';
import { campaignAsSigned } from './campaign-named.ts';
import { sendCampaigns } from './campaign-send.ts';
import { classOf, nameOf, releaseNamed } from './release-named.ts';

interface Options extends ServerOptions, SignerOptions {
  readonly release?: string;
  readonly name?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export const addCampaignClone = (campaign: Command, terminal: Terminal): unknown =>
  withSigner(
    withServer(
      campaign
        .command('clone')
        .description('Starts a campaign on the terms of another: to whom, how carefully, for how long.'),
    ),
  )
    .argument('<campaign>', 'its id, the beginning of it, or its name')
    .option('--release <which>', 'another release: the digest, or the file of its envelope')
    .option('--name <text>', 'what to call it')
    .option('--dry-run', 'only show each step, and each device that it would not fit')
    .option('--json', 'print the campaign as JSON')
    .addHelpText('after', signerHelp)
    .action((which: string, options: Options) => clone(which, options, terminal));

async function clone(which: string, options: Options, terminal: Terminal): Promise<void> {
  requireSigner(options);
  const access = await accessServer(options);
  const key = await openSigner(options, watchingOn(terminal));
  const release = options.release === undefined ? undefined : await releaseNamed(options.release, access);
  // Its terms are signed anew: whose they were before counts for nothing.
  const { campaign: before } = await campaignAsSigned(which, access);
  const created = systemClock.wallMs();
  const lastsMs = created - before.created;
  const campaign: Campaign = {
    ...before,
    id: systemRandom.bytes(16),
    created,
    expires: before.expires + lastsMs,
    ...(before.deadline === undefined ? {} : { deadline: before.deadline + lastsMs }),
    ...(release === undefined ? {} : released(release)),
    ...(options.name === undefined ? {} : { name: options.name }),
  };
  const { dryRun = false, json = false } = options;
  await sendCampaigns([campaign], { access, key, terminal, dryRun, json });
}

const released = ({ digest, summary }: Awaited<ReturnType<typeof releaseNamed>>) => ({
  manifestDigest: digest.bytes,
  ...classOf(summary),
  name: nameOf(summary),
});
