/** What a judged device holds: what its index says, what is at hand, and what is taken to be there. */

import { hex, unhex } from '@lapel/cbor';
import { digest, equalInConstantTime } from '@lapel/cose';
import type {
  Answer,
  AuthenticManifest,
  DecryptionKey,
  Effect,
  KnownDigest,
  Limits,
  Procedure,
  TrustAnchor,
  VirtualRecipient,
} from '@lapel/suit';
import { SuitError, assignments, componentName, knownDigest, linux, readEnvelope } from '@lapel/suit';
import type { VectorDevice } from './conformance-index.ts';

/** What is at hand beside the envelope. */
export interface Surroundings {
  readonly anchors: readonly TrustAnchor[];
  /** Of the device, for what is encrypted. */
  readonly decryptionKeys: readonly DecryptionKey[];
  readonly limits: Limits;
  /** Seconds since 1970. */
  readonly now: number;
  /** @throws {Error} where there is no such file. */
  file(name: string): Uint8Array;
  /** Everything that could be an image. */
  files(): Iterable<Uint8Array>;
  /** Whether everything is served, wherever the manifest looks for it. */
  readonly servesAll: boolean;
  /**
   * Whether the device fits any manifest: it has every component, and an image that is not at hand is taken
   * to be what the manifest says of it.
   */
  readonly assumesImages: boolean;
}

export function holdings({ components = new Map() }: VectorDevice, { file }: Surroundings) {
  const found: Record<string, Uint8Array> = {};
  for (const [name, content] of components) found[name] = content ? file(content) : new Uint8Array();
  return found;
}

/**
 * A device that invokes holds what the manifest describes, as far as that is at hand, where its index says
 * nothing else.
 */
export function* installed(
  authentic: AuthenticManifest,
  { components: said }: VectorDevice,
  around: Surroundings,
): Iterable<readonly [string, Uint8Array]> {
  const identifiersInOrder = authentic.manifest.common.components ?? [];
  for (const { components, parameters } of assignments(authentic, around.limits)) {
    if (parameters.imageDigest === undefined) continue;
    const image = matching(knownDigest('setup', parameters.imageDigest), around);
    if (image === undefined) continue;
    for (const index of components) {
      const identifier = identifiersInOrder[index];
      const name = identifier === undefined ? undefined : componentName(identifier);
      if (name !== undefined && said?.get(name) === undefined) yield [name, image];
    }
  }
}

/** Digests, in hex, of the images that are taken to be where they are, by component. */
type StandIns = Map<string, string>;

/** A device that invokes holds the images that nobody has at hand, too. */
export function standIns(authentic: AuthenticManifest, procedure: Procedure, around: Surroundings): StandIns {
  const stood: StandIns = new Map();
  if (procedure !== 'invocation') return stood;
  const identifiersInOrder = authentic.manifest.common.components ?? [];
  for (const { components, parameters } of assignments(authentic, around.limits)) {
    if (parameters.imageDigest === undefined) continue;
    const wanted = knownDigest('setup', parameters.imageDigest);
    if (matching(wanted, around) !== undefined) continue;
    for (const index of components) {
      stood.set(componentName(identifiersInOrder[index] ?? []), hex(wanted.bytes));
    }
  }
  return stood;
}

export function assumed(effect: Effect, stood: StandIns, recipient: VirtualRecipient): Answer {
  const name = componentName(effect.component);
  const own = stood.get(name);
  // What it would decrypt, nobody has the key for here.
  if ('encryption' in effect) return void stood.set(name, hex(effect.expected.digest?.bytes ?? nothing));
  switch (effect.do) {
    case 'digest':
      return own === undefined ? recipient.perform(effect) : unhex(own);
    case 'invoke':
      return own === undefined ? recipient.perform(effect) : undefined;
    case 'fetch':
      if (effect.expected.digest === undefined) return recipient.perform(effect);
      return void stood.set(name, hex(effect.expected.digest.bytes));
    case 'copy':
    case 'swap': {
      const source = componentName(effect.source);
      const theirs = stood.get(source);
      if (theirs === undefined) return recipient.perform(effect);
      stood.set(name, theirs);
      if (effect.do === 'swap') stood.delete(source);
      if (effect.do === 'swap' && own !== undefined) stood.set(source, own);
      return undefined;
    }
    case 'write':
      stood.delete(name);
      return recipient.perform(effect);
    default:
      return recipient.perform(effect);
  }
}

const nothing = new Uint8Array();

export function matching(wanted: KnownDigest | undefined, { files }: Surroundings): Uint8Array | undefined {
  if (wanted === undefined) return undefined;
  for (const content of files()) {
    if (equalInConstantTime(digest(wanted.algorithm, content), wanted.bytes)) return content;
    const manifest = manifestIn(content);
    if (manifest === undefined) continue;
    if (equalInConstantTime(digest(wanted.algorithm, manifest), wanted.bytes)) return content;
  }
  return undefined;
}

/** What names a dependency is the digest of the manifest in its envelope (trust-domains §5.2.2). */
function manifestIn(content: Uint8Array): Uint8Array | undefined {
  try {
    return readEnvelope(content, linux).manifest;
  } catch (error) {
    if (error instanceof SuitError) return undefined;
    throw error;
  }
}
