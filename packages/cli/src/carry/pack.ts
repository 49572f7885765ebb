/** An update that a tracker has offered to a device, with all that it fetches, into a folder: a stick. */

import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Outline, PublishedPayload } from '@lapel/author';
import { outlineEnvelope } from '@lapel/author';
import { unhex } from '@lapel/cbor';
import { server } from '@lapel/suit';
import type { Handler } from '@lapel/transport';
import { collect, readProblem, request } from '@lapel/transport';
import { cellIn, fieldsOf, numberIn, textIn } from '../answers.ts';
import { askJson } from '../ask.ts';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { replaceFile } from '../files.ts';
import type { ServerAccess } from '../server-access.ts';
import { throughManifests } from '../payload-files.ts';
import { campaignFile, envelopeFile, offerFile } from './offered.ts';

/** What is carried is held whole for a moment; larger updates go by a network. */
const payloadBytesMax = 512 * 1024 * 1024;

export interface Packed {
  readonly manifest: string;
  readonly payloads: number;
  readonly bytes: number;
  /** What the device fetches besides, which is not on the stick: why, for people. */
  readonly missing: readonly string[];
}

/** @throws {CommandFailure} where the tracker offers the device nothing. */
export async function packFor(device: string, stick: string, access: ServerAccess): Promise<Packed> {
  const known = fieldsOf(await askJson(access, request('GET', `/devices/${device}`)));
  const member = known['campaign'] === undefined ? undefined : fieldsOf(known['campaign']);
  if (member?.['offer'] === undefined || member['status'] !== 'offered') {
    const found = `expected an offer to ${device}, found none: ${String(known['explanation'])}`;
    throw new CommandFailure(exitCodes.absent, found);
  }
  const campaign = textIn(member, 'campaign');
  const told = fieldsOf(await askJson(access, request('GET', `/campaigns/${campaign}`)));
  const manifest = textIn(told, 'manifestDigest');
  await mkdir(stick, { recursive: true });
  const envelope = await fetched(access.handler, `/manifests/${manifest}`, server.envelopeBytes);
  const packed = await packAll(outlineEnvelope(envelope), stick, access.handler);
  await replaceFile(envelopeFile(stick, manifest), envelope);
  const nonce = textIn(fieldsOf(member['offer']), 'nonce');
  const offer = { device, campaign, manifest, nonce, generation: numberIn(member, 'generation') };
  const signed = unhex(cellIn(told, 'signed'));
  // A device that asks for it refuses what comes without.
  if (signed !== undefined && signed.length > 0) await replaceFile(campaignFile(stick, device), signed);
  // Last: a stick that was pulled out before has no offer on it.
  await replaceFile(offerFile(stick, device), new TextEncoder().encode(`${JSON.stringify(offer)}\n`));
  const bytes = [...packed.sizes.values()].reduce((sum, each) => sum + each, envelope.length);
  return { manifest, payloads: packed.sizes.size, bytes, missing: packed.missing };
}

/** With what the manifests fetch that it needs (trust-domains-12 §5.2.2). */
async function packAll(root: Outline, stick: string, handler: Handler) {
  const sizes = new Map<string, number>();
  const missing: string[] = [];
  const fileOf = (digest: string) => join(stick, `${digest}.bin`);
  await throughManifests(root, {
    async obtain(wanted) {
      for (const each of wanted.filter(({ digest }) => !sizes.has(digest))) {
        const bytes = await payloadOf(each, handler);
        await replaceFile(fileOf(each.digest), bytes);
        sizes.set(each.digest, bytes.length);
      }
    },
    read: async (digest) =>
      (sizes.get(digest) ?? Infinity) <= server.envelopeBytes ? readFile(fileOf(digest)) : undefined,
    onUnread: (why) => void missing.push(why),
  });
  return { sizes, missing };
}

async function payloadOf({ digest, sizeBytes }: PublishedPayload, handler: Handler): Promise<Uint8Array> {
  const bytes = await fetched(handler, `/payloads/${digest}`, sizeBytes ?? payloadBytesMax);
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found === digest) return bytes;
  const message = `expected a payload with sha-256 ${digest}, found one with ${found}`;
  throw new CommandFailure(exitCodes.refused, message);
}

async function fetched(handler: Handler, path: string, limitBytes: number): Promise<Uint8Array> {
  const answer = await handler(request('GET', path));
  if (answer.status !== 'ok') throw await readProblem(answer);
  return collect(answer.body, limitBytes);
}
