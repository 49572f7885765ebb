/**
 * Whom a device is to trust, as it is told on a command line: keys, each with the group that it vouches for,
 * and how many of which group must vouch (RFC 9124 §4.5.5).
 */

import { existsSync } from 'node:fs';
import type { MacKey, VerificationKey } from '@lapel/cose';
import type { Requirement } from '@lapel/suit';
import { Option } from 'commander';
import { exitCodes } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';
import { readAnchorKey, readVerificationKey } from './key-files.ts';

/** As a device keeps no more of them. */
const requirementsMax = 4;
const countMax = 8;
const groupPattern = /^[a-z0-9][a-z0-9_-]{0,31}$/i;

export const trustHelp = `
Who must vouch:
  --trust author.pub.pem                               any one of the trusted keys is enough
  --trust a.pub.pem=author b.pub.pem=author            keys, each in a group of your choice
  --require 1:author --require 2:operator              one of the group author and two of the group operator
  --require 2                                          any two of the trusted keys`;

export interface TrustedFile {
  readonly file: string;
  readonly group?: string;
}

/** `author.pub.pem=author`, or a file whose own name has an equals sign. @throws {CommandFailure} */
export function trustedFile(word: string): TrustedFile {
  const at = word.lastIndexOf('=');
  if (at === -1 || existsSync(word)) return { file: word };
  return { file: word.slice(0, at), group: groupIn(word.slice(at + 1)) };
}

/** @throws {CommandFailure} */
export function groupIn(text: string): string {
  if (groupPattern.test(text)) return text;
  throw usage(`expected a group of up to 32 letters, digits, - and _, found ${JSON.stringify(text)}`);
}

export const requireOption = (): Option =>
  new Option('--require <count:group>', 'how many of a group must vouch; may be repeated (default: any 1)')
    .argParser((text, before: readonly Requirement[] | undefined) => requirements(text, before ?? []))
    .default([], '1');

function requirements(text: string, before: readonly Requirement[]): readonly Requirement[] {
  const { count, group } = /^(?<count>\d{1,2})(?::(?<group>.*))?$/.exec(text)?.groups ?? {};
  const wanted = Number(count);
  if (!(wanted >= 1 && wanted <= countMax)) {
    throw usage(`expected --require such as 1:author, with 1 to ${countMax}, found ${JSON.stringify(text)}`);
  }
  if (before.length === requirementsMax) {
    throw usage(`expected --require at most ${requirementsMax} times, found it more often`);
  }
  const named = group === undefined ? {} : { group: groupIn(group) };
  if (before.some((each) => each.group === named.group)) {
    throw usage(`expected each group once in --require, found ${group ?? 'no group'} again`);
  }
  return [...before, { count: wanted, ...named }];
}

export interface TrustedKey extends TrustedFile {
  readonly key: VerificationKey;
}

/** @throws {CommandFailure} where there could never be enough of them. */
export async function readTrustedKeys(
  words: readonly string[],
  required: readonly Requirement[],
): Promise<readonly TrustedKey[]> {
  const files = words.map(trustedFile);
  requireMembers(files, required);
  return Promise.all(files.map(async (each) => ({ ...each, key: await readVerificationKey(each.file) })));
}

/** As `readTrustedKeys`; a secret is one of them, too, where a MAC is to be checked. */
export async function readAnchors(
  words: readonly string[],
  required: readonly Requirement[],
): Promise<readonly (TrustedFile & { readonly key: VerificationKey | MacKey })[]> {
  const files = words.map(trustedFile);
  requireMembers(files, required);
  return Promise.all(files.map(async (each) => ({ ...each, key: await readAnchorKey(each.file) })));
}

function requireMembers(files: readonly TrustedFile[], required: readonly Requirement[]): void {
  for (const { count, group } of required) {
    const members = files.filter((each) => group === undefined || each.group === group).length;
    if (members >= count) continue;
    const of = group === undefined ? '' : ` of the group ${group}`;
    throw usage(`expected at least ${count} keys${of} in --trust, as --require asks, found ${members}`);
  }
}

const usage = (message: string) => new CommandFailure(exitCodes.usage, message);
