/**
 * Which files of a server's folder belong into a backup, and where they may lie when they come out of one:
 * keys, tokens, firmware. The database is not among them: it is kept table by table.
 */

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface KeptFile {
  /** In the folder, with slashes. */
  readonly path: string;
  readonly sizeBytes: number;
}

const blobs = 'firmware/blobs/sha256';
/**
 * In this order: what is released was published, and what is published has its blobs, before the marker that
 * says so is written. So whatever is added meanwhile, no marker is kept without what it needs.
 */
const folders = [
  'keys',
  'keys/authors',
  'keys/operators',
  'tokens',
  'firmware/releases',
  'firmware/published',
];
const markers = /^firmware\/(?:releases|published)\/[0-9a-f]{64,128}$/;
const people = /^(?:keys|keys\/authors|keys\/operators)\/[^/\\\0]{1,251}\.pem$/;
const tokens = /^tokens\/[^/\\\0]{1,249}\.token$/;
const blob = /^firmware\/blobs\/sha256\/(?<head>[0-9a-f]{2})\/(?<tail>[0-9a-f]{62})$/;

export const isKept = (path: string): boolean =>
  [markers, people, tokens, blob].some((pattern) => pattern.test(path));

/** Of a blob, which is named by it. */
export function digestNamed(path: string): string | undefined {
  const { head, tail } = blob.exec(path)?.groups ?? {};
  return head === undefined || tail === undefined ? undefined : `${head}${tail}`;
}

/** Only whoever owns the folder reads what gives somebody a right. */
export const modeOf = (path: string): number =>
  tokens.test(path) || (people.test(path) && !path.endsWith('.pub.pem') && path.split('/').length === 2)
    ? 0o600
    : 0o644;

/** What is there, markers before the blobs that they need. */
export async function* keptFiles(root: string): AsyncGenerator<KeptFile> {
  for (const folder of folders) yield* filesIn(root, folder);
  for (const head of await namesIn(join(root, blobs))) yield* filesIn(root, `${blobs}/${head}`);
}

async function* filesIn(root: string, folder: string): AsyncGenerator<KeptFile> {
  for (const name of await namesIn(join(root, folder))) {
    const path = `${folder}/${name}`;
    if (!isKept(path)) continue;
    const found = await stat(join(root, path));
    if (found.isFile()) yield { path, sizeBytes: found.size };
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).toSorted();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
