/** An update that a tracker has offered to a device, with all that it fetches, into a folder: a stick. */

import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Outline } from '@lapel/author';
import { outlineEnvelope } from '@lapel/author';
import { server } from '@lapel/suit';
import type { Handler } from '@lapel/transport';
import { collect, readProblem, request } from '@lapel/transport';
import { fieldsOf, numberIn, textIn } from '../answers.ts';
import { askJson } from '../ask.ts';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { replaceFile } from '../files.ts';
import type { ServerAccess } from '../server-access.ts';
import { envelopeFile, offerFile } from './offered.ts';

/** What is carried is held whole for a moment; larger updates go by a network. */
const payloadBytesMax = 512 * 1024 * 1024;

export interface Packed {
  readonly manifest: string;
  readonly payloads: number;
  readonly bytes: number;
}

/** @throws {CommandFailure} where the tracker offers the device nothing. */
export async function packFor(device: string, stick: string, access: ServerAccess): Promise<Packed> {
  const known = fieldsOf(await askJson(access, request('GET', `/devices/${device}`)));
  const member = known['campaign'] === undefined ? undefined : fieldsOf(known['campaign']);
  if (member?.['offer'] === undefined || member['status'] !== 'offered') {
    const found = `expected an offer to ${device}, found none: ${String(known['explanation'])}`;
    throw new CommandFailure(exitCodes.absent, found);
  }
  const path = `/campaigns/${textIn(member, 'campaign')}`;
  const manifest = textIn(fieldsOf(await askJson(access, request('GET', path))), 'manifestDigest');
  await mkdir(stick, { recursive: true });
  const envelope = await fetched(access.handler, `/manifests/${manifest}`, server.envelopeBytes);
  const payloads = await payloadsOf(outlineEnvelope(envelope), stick, access.handler);
  await replaceFile(envelopeFile(stick, manifest), envelope);
  const nonce = textIn(fieldsOf(member['offer']), 'nonce');
  const offer = { device, manifest, nonce, generation: numberIn(member, 'generation') };
  // Last: a stick that was pulled out before has no offer on it.
  await replaceFile(offerFile(stick, device), new TextEncoder().encode(`${JSON.stringify(offer)}\n`));
  const bytes = payloads.reduce((sum, each) => sum + each, envelope.length);
  return { manifest, payloads: payloads.length, bytes };
}

/** @returns their sizes. */
async function payloadsOf(outline: Outline, stick: string, handler: Handler): Promise<readonly number[]> {
  const sizes: number[] = [];
  for (const { digest, sizeBytes } of outline.payloads) {
    const bytes = await fetched(handler, `/payloads/${digest}`, sizeBytes ?? payloadBytesMax);
    const found = createHash('sha256').update(bytes).digest('hex');
    if (found !== digest) {
      const message = `expected a payload with sha-256 ${digest}, found one with ${found}`;
      throw new CommandFailure(exitCodes.refused, message);
    }
    await replaceFile(join(stick, `${digest}.bin`), bytes);
    sizes.push(bytes.length);
  }
  return sizes;
}

async function fetched(handler: Handler, path: string, limitBytes: number): Promise<Uint8Array> {
  const answer = await handler(request('GET', path));
  if (answer.status !== 'ok') throw await readProblem(answer);
  return collect(answer.body, limitBytes);
}
