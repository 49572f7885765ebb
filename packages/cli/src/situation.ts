/**
 * What `simulate` and `debug` try a manifest on: a device from a JSON file, the keys that it trusts, and the
 * payloads that it is served, from files.
 */

import { readFileSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import type { DescribedDevice, Situation } from '@lapel/author/simulate';
import { MemberError, members, readDevice, readState, textOf, usualComponents } from '@lapel/author/simulate';
import { digest, equalInConstantTime, recipientKey } from '@lapel/cose';
import type { ExpectedImage } from '@lapel/suit';
import { systemClock } from '@lapel/transport';
import type { Command } from 'commander';
import { Option } from 'commander';
import { exitCodes } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';
import { readTextFile, readUnproven } from './files.ts';
import { readAnchorKey, readSigningKey } from './key-files.ts';
import type { FoundFile } from './payload-files.ts';
import { filesIn } from './payload-files.ts';
import type { ProfileName } from './profiles.ts';
import { profiles } from './profiles.ts';

export interface SituationOptions {
  readonly device: string;
  readonly trust: readonly string[];
  readonly payload?: readonly string[];
  readonly decrypt?: readonly string[];
  readonly procedure: 'update' | 'invocation';
  readonly profile: ProfileName;
}

export const withSituation = (command: Command): Command =>
  command
    .argument('<envelope>', 'the envelope, or - for stdin')
    .requiredOption('--device <file>', 'the device, described in JSON')
    .requiredOption('--trust <file...>', 'keys that it trusts (PEM, or a secret in hex)')
    .option(
      '--payload <what...>',
      'URI=FILE or NAME=FILE, what is served there; or files and folders (default: where the envelope is)',
    )
    .option('--decrypt <file...>', 'private keys of the device, for what is encrypted (PEM)')
    .addOption(
      new Option('--procedure <which>', 'the one to run').choices(['update', 'invocation']).default('update'),
    )
    .addOption(
      new Option('--profile <which>', 'what the device can afford')
        .choices(Object.keys(profiles))
        .default('linux'),
    );

export interface Attempt {
  readonly envelope: Uint8Array;
  readonly situation: Situation;
}

export async function readAttempt(file: string, options: SituationOptions): Promise<Attempt> {
  const anchors = [];
  for (const each of options.trust) anchors.push({ key: await readAnchorKey(each) });
  const decryptionKeys = [];
  for (const each of options.decrypt ?? []) decryptionKeys.push(recipientKey(await readSigningKey(each)));
  const { device, payloads } = await readDeviceFile(options.device);
  const components = device.components ?? usualComponents;
  const envelope = await readUnproven(file);
  const profile = profiles[options.profile];
  // §6.2: a manifest has at most as many components as the device.
  const limits = { ...profile, components: Math.min(profile.components, components.size) };
  const state = readState(components, (name) => readWhole(beside(options.device, name)));
  const serve = await servingFrom(options.payload ?? [file === '-' ? '.' : dirname(file)], payloads);
  const now = Math.floor(systemClock.wallMs() / 1000);
  return { envelope, situation: { device, state, anchors, decryptionKeys, limits, now, serve } };
}

interface DeviceFile {
  readonly device: DescribedDevice;
  /** Paths by URI. */
  readonly payloads: ReadonlyMap<string, string>;
}

/** A device, or an object that has one as its `device` and what it is served as its `payloads`. */
async function readDeviceFile(file: string): Promise<DeviceFile> {
  const text = await readTextFile(file);
  try {
    const whole = members(JSON.parse(text), 'it');
    const inner = whole.get('device');
    const isAround = typeof inner === 'object' && inner !== null;
    const payloads = isAround ? members(whole.get('payloads') ?? {}, 'payloads') : new Map<string, unknown>();
    return {
      device: readDevice(isAround ? inner : Object.fromEntries(whole), 'device'),
      payloads: new Map([...payloads].map(([uri, path]) => [uri, beside(file, textOf(path, uri))])),
    };
  } catch (error) {
    if (!(error instanceof MemberError) && !(error instanceof SyntaxError)) throw error;
    const message =
      error instanceof MemberError ? error.message : `expected JSON, found a mistake in it: ${error.message}`;
    throw new CommandFailure(exitCodes.failed, `${file}: ${message}`, { cause: error });
  }
}

const beside = (file: string, name: string) => (isAbsolute(name) ? name : join(dirname(file), name));

type Serve = Situation['serve'];

/** What was named goes before what is found. */
async function servingFrom(wanted: readonly string[], own: ReadonlyMap<string, string>): Promise<Serve> {
  const named = new Map(own);
  const places: string[] = [];
  for (const each of wanted) {
    const at = each.lastIndexOf('=');
    if (at > 0) named.set(each.slice(0, at), each.slice(at + 1));
    else places.push(each);
  }
  const files = await filesIn(places);
  for (const path of named.values()) await filesIn([path]);
  return (uri, expected) => {
    const path = named.get(uri) ?? named.get(lastPart(uri));
    return path === undefined ? foundAmong(files, uri, expected) : readWhole(path);
  };
}

/** By digest and size, as the manifest has them; else by name. */
function foundAmong(
  files: readonly FoundFile[],
  uri: string,
  { digest: wanted, sizeBytes }: ExpectedImage,
): Uint8Array | undefined {
  for (const { path, sizeBytes: found } of files) {
    if (wanted === undefined || (sizeBytes !== undefined && sizeBytes !== found)) continue;
    if (found > payloadBytesMax) continue;
    const content = readWhole(path);
    if (equalInConstantTime(digest(wanted.algorithm, content), wanted.bytes)) return content;
  }
  const sameName = files.find(({ path }) => basename(path) === lastPart(uri));
  return sameName === undefined ? undefined : readWhole(sameName.path);
}

const lastPart = (uri: string): string => uri.split(/[?#]/, 1)[0]?.split('/').at(-1) ?? '';

/** A simulated device holds all of it in memory. */
const payloadBytesMax = 256 * 1024 * 1024;
const contents = new Map<string, Uint8Array>();

function readWhole(path: string): Uint8Array {
  const known = contents.get(path);
  if (known !== undefined) return known;
  const { size } = statSync(path);
  if (size > payloadBytesMax) {
    const message = `expected at most ${payloadBytesMax} bytes in ${path}, found ${size}`;
    throw new CommandFailure(exitCodes.failed, message);
  }
  const bytes = new Uint8Array(readFileSync(path));
  contents.set(path, bytes);
  return bytes;
}
