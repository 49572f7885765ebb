/**
 * The folder of a server: keys, tokens, blobs and the tracker's database. Everything that a second start
 * must find again is here, and nothing else.
 */

import { hex } from '@lapel/cbor';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { SigningKey, VerificationKey } from '@lapel/cose';
import { generateSigningKey, keyToPem } from '@lapel/cose';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { readTextFile, writeNewFile } from '../files.ts';
import { readSigningKey, readVerificationKey } from '../key-files.ts';

export interface DataFolder {
  readonly path: string;
  /** Signs receipts; devices are provisioned with its public half, `keys/tracker.pub.pem`. */
  readonly trackerKey: SigningKey;
  /** Whose manifests are accepted: `keys/authors/*.pem`. */
  readonly authors: readonly VerificationKey[];
  /** Whose campaigns are carried out: `keys/operators/*.pem`. */
  readonly operators: readonly VerificationKey[];
  /** Whose each of these keys is, by its thumbprint: `ann.pem` and `ann@token.pem` are both Ann's. */
  readonly persons: ReadonlyMap<string, string>;
  readonly firmware: string;
  readonly database: string;
}

/** Makes what is missing. */
export async function openDataFolder(path: string): Promise<DataFolder> {
  const keys = join(path, 'keys');
  for (const folder of [join(keys, 'authors'), join(keys, 'operators'), join(path, 'tokens')]) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  }
  const authors = await publicKeys(join(keys, 'authors'));
  const operators = await publicKeys(join(keys, 'operators'));
  return {
    path,
    trackerKey: await keyIn(keys, 'tracker'),
    authors: authors.map(({ key }) => key),
    operators: operators.map(({ key }) => key),
    persons: new Map([...authors, ...operators].map(({ key, person }) => [hex(key.kid), person])),
    firmware: join(path, 'firmware'),
    database: join(path, 'tracker.sqlite'),
  };
}

/** The private key `NAME.pem` in a folder, made with its public half where it is missing. */
export async function keyIn(folder: string, name: string): Promise<SigningKey> {
  const file = join(folder, `${name}.pem`);
  if (existsSync(file)) return readSigningKey(file);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const key = generateSigningKey('P-256');
  await writeNewFile(file, keyToPem(key), 0o600);
  await writeNewFile(join(folder, `${name}.pub.pem`), keyToPem(key.public), 0o644);
  return key;
}

/** Copies public keys into the folder, under their own names. */
export async function keepPublicKeys(files: readonly string[], folder: string): Promise<void> {
  for (const file of files) {
    const key = await readPublicKeyOnly(file);
    const kept = join(folder, basename(file));
    if (existsSync(kept)) {
      const known = await readVerificationKey(kept);
      if (Buffer.compare(known.kid, key.kid) === 0) continue;
      throw new CommandFailure(
        exitCodes.conflict,
        `expected ${kept} to hold the same key as ${file}, found another`,
      );
    }
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await copyFile(file, kept);
  }
}

/** A private key has no business on a server. */
export async function readPublicKeyOnly(file: string): Promise<VerificationKey> {
  const pem = await readTextFile(file);
  if (!pem.includes('PRIVATE KEY')) return readVerificationKey(file);
  throw new CommandFailure(exitCodes.failed, `expected a public key in ${file}, found a private one`);
}

/** A token's file, for the person who uses it; the server itself keeps only a hash. */
export const tokenFile = ({ path }: Pick<DataFolder, 'path'>, name: string): string =>
  join(path, 'tokens', `${name}.token`);

export const readToken = async (folder: Pick<DataFolder, 'path'>, name: string): Promise<string> =>
  (await readFile(tokenFile(folder, name), 'utf8')).trim();

const keysMax = 64;

async function publicKeys(folder: string) {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.pem')).toSorted();
  if (names.length > keysMax)
    throw new RangeError(`expected at most ${keysMax} keys in ${folder}, found more`);
  return Promise.all(
    names.map(async (name) => ({
      key: await readVerificationKey(join(folder, name)),
      person: name.replace(/(@.*|\.pub)?\.pem$/, ''),
    })),
  );
}
