/** Which campaign an operator means. */

import { hex, read } from '@lapel/cbor';
import { peekSigned } from '@lapel/cose';
import { Campaign, messageBytesMax } from '@lapel/status-tracker/protocol';
import { collect, readProblem, request } from '@lapel/transport';
import type { Fields } from '../answers.ts';
import { fieldsOf, listOf, textIn } from '../answers.ts';
import { askJson } from '../ask.ts';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import type { ServerAccess } from '../server-access.ts';

export const campaignsAt = async (access: ServerAccess): Promise<readonly Fields[]> =>
  listOf(await askJson(access, request('GET', '/campaigns'))).map(fieldsOf);

/** By the whole id, by the beginning of one, or by name; never by guess where two fit. */
export async function campaignNamed(which: string, access: ServerAccess): Promise<Fields> {
  if (/^[0-9a-f]{32}$/.test(which))
    return fieldsOf(await askJson(access, request('GET', `/campaigns/${which}`)));
  const fitting = (await campaignsAt(access)).filter(
    (campaign) =>
      campaign['name'] === which || (which.length >= 4 && textIn(campaign, 'id').startsWith(which)),
  );
  const [found, ...others] = fitting;
  if (found === undefined) {
    throw new CommandFailure(exitCodes.absent, `expected the id or the name of a campaign, found ${which}`);
  }
  if (others.length > 0) {
    const message = `expected one campaign that ${which} names, found ${fitting.length}`;
    throw new CommandFailure(exitCodes.usage, `${message}; lapel campaign list has their ids`);
  }
  return found;
}

export interface AsSigned {
  readonly campaign: Campaign;
  readonly signed: Uint8Array;
}

/** Its terms by the signed bytes themselves, never by what a server says of them. */
export async function campaignAsSigned(which: string, access: ServerAccess): Promise<AsSigned> {
  const id = textIn(await campaignNamed(which, access), 'id');
  const headers = { authorization: `Bearer ${access.token}` };
  const answer = await access.handler(request('GET', `/campaigns/${id}/signed`, { headers }));
  if (answer.status !== 'ok') throw await readProblem(answer);
  const signed = await collect(answer.body, messageBytesMax);
  const campaign = read(Campaign, peekSigned(signed).payload);
  if (hex(campaign.id) === id) return { campaign, signed };
  throw new CommandFailure(exitCodes.refused, `expected the campaign ${id}, found ${hex(campaign.id)}`);
}
