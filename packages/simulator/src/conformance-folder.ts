/** A folder of vectors on disk: its keys, its files, and its vectors, with an index or without. */

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ComponentDescription, DescribedDevice } from '@lapel/author/simulate';
import { readTrustAnchor, usualComponents } from '@lapel/author/simulate';
import type { DecryptionKey, Limits, TrustAnchor } from '@lapel/suit';
import { SuitError, authenticate, linux, server, strict, summarise } from '@lapel/suit';
import type { Vector } from './conformance-index.ts';
import { readIndex } from './conformance-index.ts';
import type { Surroundings } from './conformance-judge.ts';
import { decryptionKeyNamed } from './conformance-keys.ts';

const fileBytesMax = server.envelopeBytes;
const filesMax = 10_000;

export interface VectorFolder {
  /** Whether an index says what to expect. */
  readonly indexed: boolean;
  readonly vectors: readonly Vector[];
  around(vector: Vector): Surroundings;
}

/**
 * @param now seconds since 1970, for devices of which the index does not say otherwise.
 * @throws {Error} where the index, a key or the folder can't be read.
 */
export function openFolder(folder: string, trusted: readonly string[], now: number): VectorFolder {
  const indexPath = join(folder, 'index.json');
  const given = trusted.map(anchorIn);
  const files = remembering(folder);
  if (!existsSync(indexPath)) {
    const names = files.names.filter((name) => name.endsWith('.suit'));
    const vectors = names.map((name) => fittingVector(name, files.file(name), given));
    return {
      indexed: false,
      vectors,
      around: ({ device }) => surroundings(device, given, [], files, { now, servesAll: true }),
    };
  }
  const { keys, vectors } = readIndex(new TextDecoder().decode(readBounded(indexPath)));
  const anchors = [...given, ...[...keys].flatMap(([name, value]) => anchorNamed(name, value, folder))];
  const secrets = [...keys].flatMap(([name, value]) => decryptionKeyNamed(name, value, folder));
  return {
    indexed: true,
    vectors: vectors.map((vector) => ({
      ...vector,
      device: { ...vector.device, components: componentsOf(vector.device) },
    })),
    around: ({ device }) => surroundings(device, anchors, secrets, files, { now, servesAll: false }),
  };
}

/** A list is what the device has; what some of them hold leaves the others as they are. */
function componentsOf({
  components = new Map(),
}: DescribedDevice): ReadonlyMap<string, ComponentDescription> {
  const isList = components.size > 0 && [...components.values()].every(({ holds }) => holds.is === 'unsaid');
  return isList ? components : new Map([...usualComponents, ...components]);
}

interface Files {
  readonly names: readonly string[];
  file(name: string): Uint8Array;
  all(): Iterable<Uint8Array>;
}

function surroundings(
  { components }: DescribedDevice,
  anchors: readonly TrustAnchor[],
  decryptionKeys: readonly DecryptionKey[],
  files: Files,
  { now, servesAll }: Pick<Surroundings, 'now' | 'servesAll'>,
): Surroundings {
  // §6.2: a manifest has at most as many components as the device.
  const own = servesAll ? linux.components : (components?.size ?? linux.components);
  const limits: Limits = { ...linux, components: own };
  return {
    anchors,
    decryptionKeys,
    limits,
    now,
    file: (name) => files.file(name),
    files: () => files.all(),
    servesAll,
    assumesImages: servesAll,
  };
}

/** Files are read when they are wanted, and once. */
function remembering(folder: string): Files {
  const entries = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  const names = entries.map(({ name }) => name).toSorted();
  if (names.length > filesMax) throw new Error(`expected at most ${filesMax} files, found ${names.length}`);
  const known = new Map<string, Uint8Array>();
  const file = (name: string): Uint8Array => {
    const content = known.get(name) ?? readBounded(resolve(folder, name));
    known.set(name, content);
    return content;
  };
  return {
    names,
    file,
    *all() {
      for (const name of names) yield file(name);
    },
  };
}

/**
 * A vector of which nothing is said: it meets a device of its own vendor and class with its own components,
 * to which everything of the folder is served. An image that is not there is taken for the right one.
 */
function fittingVector(name: string, envelope: Uint8Array, anchors: readonly TrustAnchor[]): Vector {
  const vector = { file: name, expect: 'accept', payloads: undefined } as const;
  try {
    const authentic = authenticate(envelope, anchors, linux, { ...strict, acceptsUntagged: true });
    const { vendorIdentifiers, classIdentifiers } = summarise(authentic, linux);
    const { dependencyResolution, payloadFetch, install } = authentic.manifest;
    const [vendor] = vendorIdentifiers;
    const [kind] = classIdentifiers;
    const device: DescribedDevice = {
      ...(vendor === undefined ? {} : { vendor }),
      ...(kind === undefined ? {} : { class: kind }),
    };
    return { ...vector, stage: (dependencyResolution ?? payloadFetch ?? install) ? 'run' : 'boot', device };
  } catch (error) {
    // What is wrong with it, its judge says.
    if (!(error instanceof SuitError)) throw error;
    return { ...vector, stage: 'run', device: {} };
  }
}

/** A trust anchor by its name: `trusted…` is a file, `hmac…_hex` a secret; no other is trusted. */
function anchorNamed(name: string, value: string, folder: string): readonly TrustAnchor[] {
  if (name.startsWith('hmac')) return [readTrustAnchor(value)];
  return name.startsWith('trusted') ? [anchorIn(resolve(folder, value))] : [];
}

const anchorIn = (path: string): TrustAnchor => readTrustAnchor(new TextDecoder().decode(readBounded(path)));

function readBounded(path: string): Uint8Array {
  const content = readFileSync(path);
  if (content.length <= fileBytesMax) return new Uint8Array(content);
  throw new Error(`expected at most ${fileBytesMax} bytes in ${path}, found ${content.length}`);
}
