/**
 * What an update is about, read off its parameters without running it: for a catalog, for a tracker that
 * asks whether it fits, for people. Only running it tells what a given device would do.
 */

import { hex, read } from '@lapel/cbor';
import type { AuthenticManifest } from './authenticate.ts';
import type { Limits } from './limits.ts';
import type { ComponentIdentifier, KnownDigest } from './manifest.ts';
import { Parameters, Text, knownDigest } from './manifest.ts';
import { parsing } from './reason.ts';
import type { Version } from './update-management.ts';
import type { UsageDescription } from './usage-description.ts';
import { requireUsable } from './usage-description.ts';
import { commandsIn, elementOf } from './walk.ts';

/** One assignment of parameters, with the components that it may reach. */
export interface Assignment {
  readonly components: readonly number[];
  readonly parameters: Parameters;
}

export interface ImageSummary {
  readonly digest?: KnownDigest;
  readonly sizeBytes?: number;
}

export interface UpdateSummary {
  readonly sequenceNumber: number;
  /** The version that it brings the device to, where it says so (update-management §3.1). */
  readonly version?: Version;
  /** Of the device's network usage (RFC 8520). */
  readonly usageDescription?: UsageDescription;
  readonly components: readonly ComponentIdentifier[];
  readonly vendorIdentifiers: readonly Uint8Array[];
  readonly classIdentifiers: readonly Uint8Array[];
  readonly images: readonly ImageSummary[];
  /** Payload URIs, integrated ones (`#…`) included. */
  readonly uris: readonly string[];
  readonly text: Text | undefined;
}

/** @throws {SuitError} where a sequence, a parameter map or the text is malformed. */
export function summarise(
  authentic: Pick<AuthenticManifest, 'manifest' | 'envelope'>,
  limits: Limits,
): UpdateSummary {
  const all = assignments(authentic, limits).map(({ parameters }) => parameters);
  const { manifest } = authentic;
  const text = elementOf(authentic, 'text');
  const { usageDescription } = manifest;
  if (usageDescription !== undefined) requireUsable(usageDescription);
  const uuids = (values: readonly (Parameters['vendorIdentifier'] | undefined)[]) =>
    distinct(
      values.filter((value) => value instanceof Uint8Array),
      String,
    );
  return {
    sequenceNumber: manifest.sequenceNumber,
    ...(manifest.setVersion === undefined ? {} : { version: manifest.setVersion }),
    ...(usageDescription === undefined ? {} : { usageDescription }),
    components: manifest.common.components ?? [],
    vendorIdentifiers: uuids(all.map(({ vendorIdentifier }) => vendorIdentifier)),
    classIdentifiers: uuids(all.map(({ classIdentifier }) => classIdentifier)),
    images: distinct(
      all.filter(hasImage).map(imageOf),
      ({ digest, sizeBytes }) => `${digest === undefined ? '' : hex(digest.bytes)} ${sizeBytes}`,
    ),
    uris: distinct(
      all.map(({ uri }) => uri).filter((uri) => uri !== undefined),
      String,
    ),
    text: text === undefined ? undefined : parsing('setup', 'text', () => read(Text, text)),
  };
}

/** Every parameter assignment of every sequence, in order, nested ones included as deep as the limits go. */
export function assignments(
  authentic: Pick<AuthenticManifest, 'manifest' | 'envelope'>,
  limits: Limits,
): readonly Assignment[] {
  const found: Assignment[] = [];
  const { components = [], dependencies = [] } = authentic.manifest.common;
  const count = components.length + dependencies.length;
  commandsIn(authentic, count, limits.nestingDepth, ({ components: reached, command }) => {
    if ('parameters' in command) {
      found.push({ components: reached, parameters: read(Parameters, command.parameters) });
    }
    if (command.name !== 'directive-override-multiple') return;
    for (const [index, parameters] of command.byIndex) {
      found.push({ components: [index], parameters: read(Parameters, parameters) });
    }
  });
  return found;
}

/** A manifest that another one needs, as that one tells of it (trust-domains-12 §5.2.2). */
export interface NamedDependency {
  /** Of the manifest. */
  readonly digests: readonly KnownDigest[];
  /** Where its envelope may be fetched. */
  readonly uris: readonly string[];
  /** Only devices can read it. */
  readonly isEncrypted: boolean;
}

export function namedDependencies(
  source: Pick<AuthenticManifest, 'manifest' | 'envelope'>,
  limits: Limits,
): readonly NamedDependency[] {
  const indices = (source.manifest.common.dependencies ?? []).map(([index]) => index);
  const all = indices.length === 0 ? [] : assignments(source, limits);
  return indices.map((index) => {
    const own = all.filter(({ components }) => components.includes(index));
    return {
      digests: own.flatMap(({ parameters: { imageDigest } }) =>
        imageDigest === undefined ? [] : [knownDigest('setup', imageDigest)],
      ),
      uris: own.flatMap(({ parameters: { uri } }) => (uri === undefined ? [] : [uri])),
      isEncrypted: own.some(({ parameters: { encryptionInfo } }) => encryptionInfo !== undefined),
    };
  });
}

const hasImage = ({ imageDigest, imageSize }: Parameters) =>
  imageDigest !== undefined || imageSize !== undefined;

const imageOf = ({ imageDigest, imageSize }: Parameters): ImageSummary => ({
  ...(imageDigest === undefined ? {} : { digest: knownDigest('setup', imageDigest) }),
  ...(imageSize === undefined ? {} : { sizeBytes: imageSize }),
});

function distinct<T>(values: readonly T[], name: (value: T) => string): readonly T[] {
  return [...new Map(values.map((value) => [name(value), value])).values()];
}
