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

/** As `findPayloads`, with what the manifests fetch that it needs. */
export async function findAllPayloads(
  root: Outline,
  places: readonly string[],
  watching?: Watching,
): Promise<readonly Payload[]> {
  const found = new Map<string, Payload>();
  await throughManifests(root, {
    async obtain(wanted) {
      const fresh = wanted.filter(({ digest }) => !found.has(digest));
      const payloads = fresh.length === 0 ? [] : await findPayloads(fresh, places, watching);
      for (const each of payloads) found.set(each.digest, each);
    },
    async read(digest) {
      const payload = found.get(digest);
      return payload === undefined ? undefined : collect(payload.open(), server.envelopeBytes);
    },
    onUnread: () => undefined,
  });
  return [...found.values()];
}

export interface Gathering {
  /** Called with what each manifest fetches from its firmware server. */
  obtain(wanted: readonly PublishedPayload[]): Promise<void>;
  /** Of what was obtained: an envelope, or undefined where it is none to be read. */
  read(digest: string): Promise<Uint8Array | undefined>;
  /** What nobody can tell here what it fetches, or is fetched from elsewhere. */
  onUnread(why: string): void;
}

/** The manifest, what it needs, and what that needs (trust-domains-12 §5.2.2). @throws {CommandFailure} */
export async function throughManifests(root: Outline, gathering: Gathering): Promise<void> {
  const waiting = [root];
  for (let count = 0; ; count++) {
    const outline = waiting.shift();
    if (outline === undefined) return;
    if (count === manifestsMax) {
      const message = `expected at most ${manifestsMax} manifests in one update, found more`;
      throw new CommandFailure(exitCodes.failed, message);
    }
    await gathering.obtain(outline.payloads);
    for (const uri of fetchedElsewhere(outline)) gathering.onUnread(`${uri}, from another server`);
    waiting.push(...(await neededBy(outline, gathering)));
  }
}

/** Neither in the envelope, nor at the server that it comes from. */
function fetchedElsewhere({ envelope, summary, payloads }: Outline): readonly string[] {
  const here = new Set(payloads.map(({ digest }) => digest));
  return summary.uris.filter((uri) => !envelope.payloads.has(uri) && !here.has(uri.split('/').at(-1) ?? ''));
}

/** Those that can be read here: what is encrypted, only devices can. */
async function neededBy(
  { envelope, manifest }: Outline,
  { read, onUnread }: Gathering,
): Promise<readonly Outline[]> {
  const needed: Outline[] = [];
  for (const { uris, isEncrypted } of namedDependencies({ envelope, manifest }, server)) {
    for (const uri of uris) {
      if (isEncrypted) onUnread(`what ${uri} fetches, an encrypted manifest`);
      const bytes = isEncrypted
        ? undefined
        : (envelope.payloads.get(uri) ?? (await read(uri.split('/').at(-1) ?? '')));
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
