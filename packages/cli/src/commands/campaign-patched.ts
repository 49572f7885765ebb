/** `lapel campaign patched`: how long devices were exposed, from what they have signed. */

import { collect, readProblem, request } from '@lapel/transport';
import type { Command } from 'commander';
import type { Fields } from '../answers.ts';
import { cellIn, fieldsOf, numberIn, textIn } from '../answers.ts';
import { askJson } from '../ask.ts';
import { durationText } from '../quantities.ts';
import type { ServerOptions } from '../server-access.ts';
import { accessServer, withServer } from '../server-access.ts';
import type { Terminal } from '../terminal.ts';
import { campaignNamed } from './campaign-named.ts';

interface Options extends ServerOptions {
  readonly csv?: boolean;
  readonly json?: boolean;
}

/** A line for each of a million devices. */
const csvBytesMax = 256 * 1024 * 1024;

export function addCampaignPatched(campaign: Command, terminal: Terminal): void {
  withServer(
    campaign.command('patched').description('Shows how long devices were exposed, by evidence alone.'),
  )
    .argument('<campaign>', 'its id, the beginning of it, or its name')
    .option('--csv', 'print a line for each device')
    .option('--json', 'print it as JSON')
    .action((which: string, options: Options) => patched(which, options, terminal));
}

async function patched(which: string, options: Options, terminal: Terminal): Promise<void> {
  const access = await accessServer(options);
  const id = textIn(await campaignNamed(which, access), 'id');
  if (options.csv === true) {
    const headers = { authorization: `Bearer ${access.token}` };
    const answer = await access.handler(request('GET', `/campaigns/${id}/patched.csv`, { headers }));
    if (answer.status !== 'ok') throw await readProblem(answer);
    terminal.result(new TextDecoder().decode(await collect(answer.body, csvBytesMax)).trimEnd());
    return;
  }
  const proof = fieldsOf(await askJson(access, request('GET', `/campaigns/${id}/patched`)));
  if (options.json === true) {
    terminal.result(JSON.stringify(proof));
    return;
  }
  const reached = fieldsOf(proof['toPercentMs']);
  terminal.facts([
    ['campaign', id],
    ['patched', `${cellIn(proof, 'patched')} of ${cellIn(proof, 'devices')}, by what they have signed`],
    ...(['50', '90', '99'] as const).map((percent) => [`${percent} %`, afterText(reached, percent)] as const),
    ['exposed', `${numberIn(proof, 'exposedDeviceHours').toFixed(1)} device-hours`],
    ...(proof['lateDeviceHours'] === undefined
      ? []
      : [['after deadline', `${numberIn(proof, 'lateDeviceHours').toFixed(1)} device-hours`] as const]),
  ]);
  terminal.note(`\n${textIn(proof, 'plot')}`);
}

const afterText = (reached: Fields, percent: string): string =>
  reached[percent] === undefined ? 'not yet' : `after ${durationText(numberIn(reached, percent))}`;
