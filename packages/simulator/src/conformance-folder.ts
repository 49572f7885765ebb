/** A folder of vectors on disk: its keys, its files, and its vectors, with an index or without. */

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { unhex } from '@lapel/cbor';
import { macKey, readKeyPem } from '@lapel/cose';
import type { DecryptionKey, Limits, TrustAnchor } from '@lapel/suit';
import { SuitError, authenticate, linux, server, strict, summarise } from '@lapel/suit';
import type { Vector, VectorDevice } from './conformance-index.ts';
import { componentKey, readIndex } from './conformance-index.ts';
import type { Surroundings } from './conformance-images.ts';
import { decryptionKeyNamed } from './conformance-keys.ts';

const fileBytesMax = server.envelopeBytes;
const filesMax = 10_000;

/** The components of a device whose index names none; all are empty at first. */
const usualComponents = new Map(['00', '01', 'app', 'dep'].map((name) => [componentKey(name), undefined]));

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
  components = new Map<string, string | undefined>(),
}: VectorDevice): ReadonlyMap<string, string | undefined> {
  const isList = components.size > 0 && [...components.values()].every((file) => file === undefined);
  return isList ? components : new Map([...usualComponents, ...components]);
}

interface Files {
  readonly names: readonly string[];
  file(name: string): Uint8Array;
  all(): Iterable<Uint8Array>;
}

function surroundings(
  { components }: VectorDevice,
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
    const device: VectorDevice = {
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
  if (name.startsWith('hmac')) {
    const secret = unhex(value);
    if (secret === undefined) throw new Error(`expected bytes in hex in keys.${name}, found another text`);
    return [{ key: macKey(secret) }];
  }
  return name.startsWith('trusted') ? [anchorIn(resolve(folder, value))] : [];
}

/** A trust anchor from a file: PEM, or the bare base64 of a private key; of a private key its public half. */
function anchorIn(path: string): TrustAnchor {
  const text = new TextDecoder().decode(readBounded(path)).trim();
  const pem = text.startsWith('-----')
    ? text
    : `-----BEGIN PRIVATE KEY-----\n${text}\n-----END PRIVATE KEY-----`;
  const key = readKeyPem(pem);
  return { key: key.use === 'sign' ? key.public : key };
}

function readBounded(path: string): Uint8Array {
  const content = readFileSync(path);
  if (content.length <= fileBytesMax) return new Uint8Array(content);
  throw new Error(`expected at most ${fileBytesMax} bytes in ${path}, found ${content.length}`);
}
