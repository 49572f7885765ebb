/**
 * Finds the payloads that a manifest names among a person's files: by size first, then by digest, never
 * by name.
 */

import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hex } from '@lapel/cbor';
import type { Images, Outline, Payload, PublishedPayload } from '@lapel/author';
import { fileImages, outlineEnvelope } from '@lapel/author';
import { namedDependencies, server } from '@lapel/suit';
import { collect } from '@lapel/transport';
import { exitCodes } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';
import type { Watching } from './reading-progress.ts';

/** Files looked at; whoever has more names the right ones. */
const filesMax = 10_000;
/** How far folders are followed below the one that was named. */
const depthMax = 2;

/**
 * @param places files, or folders to look in
 * @throws {CommandFailure} naming the digest and the size of what is not there
 */
async function findPayloads(
  wanted: readonly PublishedPayload[],
  places: readonly string[],
  watching?: Watching,
): Promise<readonly Payload[]> {
  const images = fileImages('.', watching);
  const files = await filesIn(places);
  const digests = new Map<string, string>();
  const found: Payload[] = [];
  for (const each of wanted) {
    const { digest, sizeBytes } = each;
    const file = await findOne(each, files, digests, images);
    if (file === undefined) {
      const size = sizeBytes === undefined ? '' : ` of ${sizeBytes} bytes`;
      const message = `expected a payload${size} with sha-256 ${digest} in ${places.join(', ')}, found none`;
      throw new CommandFailure(exitCodes.failed, `${message}; --payload FILE names it`);
    }
    found.push({ digest, sizeBytes: file.sizeBytes, open: () => createReadStream(file.path) });
  }
  return found;
}

/** Manifests that one update brings: above what any device reads. */
const manifestsMax = 16;

/** As `findPayloads`, with what the manifests fetch that it needs (trust-domains-12 §5.2.2). */
export async function findAllPayloads(
  root: Outline,
  places: readonly string[],
  watching?: Watching,
): Promise<readonly Payload[]> {
  const found = new Map<string, Payload>();
  const waiting = [root];
  for (let count = 0; count < manifestsMax; count++) {
    const outline = waiting.shift();
    if (outline === undefined) break;
    const wanted = outline.payloads.filter(({ digest }) => !found.has(digest));
    const payloads = wanted.length === 0 ? [] : await findPayloads(wanted, places, watching);
    for (const each of payloads) found.set(each.digest, each);
    waiting.push(...(await neededBy(outline, found)));
  }
  return [...found.values()];
}

/** Those that can be read here: what is encrypted, only devices can. */
async function neededBy(
  { envelope, manifest }: Outline,
  payloads: ReadonlyMap<string, Payload>,
): Promise<readonly Outline[]> {
  const needed: Outline[] = [];
  for (const { uris, isEncrypted } of namedDependencies({ envelope, manifest }, server)) {
    for (const uri of isEncrypted ? [] : uris) {
      const payload = payloads.get(uri.split('/').at(-1) ?? '');
      const bytes =
        payload === undefined
          ? envelope.payloads.get(uri)
          : await collect(payload.open(), server.envelopeBytes);
      if (bytes !== undefined) needed.push(outlineEnvelope(bytes));
    }
  }
  return needed;
}

/** @param places files, or folders to look in */
export async function filesIn(places: readonly string[]): Promise<readonly FoundFile[]> {
  const files: FoundFile[] = [];
  for (const place of places) await gather(place, 0, files);
  return files;
}

export interface FoundFile {
  readonly path: string;
  readonly sizeBytes: number;
}

async function findOne(
  { digest, sizeBytes }: PublishedPayload,
  files: readonly FoundFile[],
  digests: Map<string, string>,
  images: Images,
): Promise<FoundFile | undefined> {
  for (const file of files) {
    if (sizeBytes !== undefined && file.sizeBytes !== sizeBytes) continue;
    const known = digests.get(file.path) ?? hex((await images.measure(file.path)).digest);
    digests.set(file.path, known);
    if (known === digest) return file;
  }
  return undefined;
}

async function gather(place: string, depth: number, files: FoundFile[]): Promise<void> {
  if (files.length >= filesMax) return;
  const found = await stat(place);
  if (found.isFile()) files.push({ path: place, sizeBytes: found.size });
  if (!found.isDirectory() || depth > depthMax) return;
  for (const entry of await readdir(place, { withFileTypes: true })) {
    const isHidden = entry.name.startsWith('.') || entry.name === 'node_modules';
    // Links are not followed: a loop of them has no end.
    if (!isHidden && (entry.isFile() || entry.isDirectory()))
      await gather(join(place, entry.name), depth + 1, files);
  }
}
