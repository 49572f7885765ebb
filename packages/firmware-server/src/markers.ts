/**
 * Markers: small files named by a manifest's digest, one folder for each thing that can have happened to
 * it. They are the only state of this server that is not in the envelopes themselves.
 */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Random } from '@lapel/transport';
import { makeFolder, sweepPartial, writeDurably } from './durable-file.ts';
import type { Act } from './release.ts';

/** Who and when; for `published` also which blob is the envelope. */
export interface Marker extends Act {
  readonly envelope?: string;
}

export interface Markers {
  names(): Promise<readonly string[]>;
  /** Undefined where it is no marker. */
  read(name: string): Promise<Marker | undefined>;
  all(): Promise<readonly { readonly name: string; readonly marker: Marker | undefined }[]>;
  /** @throws {Problem} `storage-full` */
  write(name: string, marker: Marker): Promise<void>;
}

export interface MarkersOptions {
  readonly random: Random;
  /** Whether other processes write in the folder, too. */
  readonly isShared: boolean;
}

export async function openMarkers(folder: string, { random, isShared }: MarkersOptions): Promise<Markers> {
  await makeFolder(folder);
  await sweepPartial(folder, isShared);
  const names = async () => (await readdir(folder)).filter((name) => /^[0-9a-f]{64,128}$/.test(name)).sort();
  const read = async (name: string) => parseMarker(await readFile(join(folder, name), 'utf8'));
  return {
    names,
    read,
    async all() {
      const markers = [];
      for (const name of await names()) markers.push({ name, marker: await read(name) });
      return markers;
    },

    async write(name, marker) {
      const content = `${JSON.stringify(marker)}\n`;
      await writeDurably(
        folder,
        random,
        (handle) => handle.appendFile(content),
        async () => join(folder, name),
      );
    },
  };
}

/** Undefined where somebody has put another file there. */
function parseMarker(text: string): Marker | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (typeof value !== 'object' || value === null || !('by' in value) || !('atMs' in value)) return undefined;
  const { by, atMs } = value;
  if (typeof by !== 'string' || typeof atMs !== 'number') return undefined;
  const envelope =
    'envelope' in value && typeof value.envelope === 'string' ? { envelope: value.envelope } : {};
  return { by, atMs, ...envelope };
}
