/**
 * Where things lie in the repository: its root, its rooms and its files, for the tools beside this file.
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the repository, without a closing slash. */
export const house = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '');

export interface Room {
  /** The folder's name below packages/. */
  readonly name: string;
  readonly manifest: PackageJson;
}

export interface PackageJson {
  readonly name: string;
  readonly version: string;
  /** Of no use to others by itself, and so never packed. */
  readonly private?: boolean;
  readonly exports: Readonly<Record<string, string>>;
  readonly files: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Every room that has a package.json, in the order of the alphabet. */
export function rooms(): readonly Room[] {
  return files('packages/*/package.json').map((path) => ({
    name: path.split('/')[1] ?? '',
    manifest: JSON.parse(read(path)) as PackageJson,
  }));
}

/** Those that others install. */
export const packedRooms = (): readonly Room[] => rooms().filter(({ manifest }) => manifest.private !== true);

/** Paths from the root that match a pattern, sorted, with forward slashes. */
export function files(...patterns: readonly string[]): readonly string[] {
  const found = globSync(patterns, { cwd: house, exclude: (name) => notOurs.has(name) });
  return found.map((path) => path.replaceAll('\\', '/')).sort();
}

const notOurs = new Set(['node_modules', 'dist', 'data', '.git']);

export function read(path: string): string {
  return readFileSync(join(house, path), 'utf8');
}
