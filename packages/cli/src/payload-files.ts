/**
 * Finds the payloads that a manifest names among a person's files: by size first, then by digest, never
 * by name.
 */

import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hex } from '@lapel/cbor';
import type { Images, Payload, PublishedPayload } from '@lapel/author';
import { fileImages } from '@lapel/author';
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
export async function findPayloads(
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
