/**
 * What an envelope is about, with nothing proved but its digests: for its author, who is about to sign
 * it or to upload it.
 */

import { CborError, bstr, hex, read } from '@lapel/cbor';
import type { Envelope, KnownDigest, Manifest, UpdateSummary } from '@lapel/suit';
import {
  Digest,
  PayloadFormat,
  assignments,
  knownDigest,
  readEnvelope,
  readManifest,
  server,
  summarise,
} from '@lapel/suit';
import { requireDigests } from './sign.ts';

export interface Outline {
  readonly envelope: Envelope;
  readonly manifest: Manifest;
  /** Of the manifest: what offers and reports name it by. */
  readonly digest: KnownDigest;
  readonly summary: UpdateSummary;
  /** Payloads that a firmware server must have before it accepts the manifest. */
  readonly payloads: readonly PublishedPayload[];
}

export interface PublishedPayload {
  /** SHA-256 in hex. */
  readonly digest: string;
  /** Where the manifest states it: for this image, or for what was made of one. */
  readonly sizeBytes?: number;
}

/** @throws {SuitError} where it is no envelope, or not the one that its digests say. */
export function outlineEnvelope(bytes: Uint8Array): Outline {
  const envelope = readEnvelope(bytes, server);
  requireDigests(envelope);
  const manifest = readManifest(read(bstr, envelope.manifest));
  const summary = summarise({ manifest, envelope }, server);
  return {
    envelope,
    manifest,
    digest: knownDigest('parse', read(Digest, envelope.digest)),
    summary,
    payloads: publishedPayloads(summary, formattedSizes(manifest, envelope)),
  };
}

function publishedPayloads(
  { uris, images }: UpdateSummary,
  formatted: ReadonlyMap<string, number>,
): readonly PublishedPayload[] {
  return uris.flatMap((uri) => {
    const digest = /^\.\.\/payloads\/(?<digest>[0-9a-f]{64})$/.exec(uri)?.groups?.['digest'];
    if (digest === undefined) return [];
    const image = images.find((each) => each.digest !== undefined && hex(each.digest.bytes) === digest);
    const sizeBytes = formatted.get(uri) ?? image?.sizeBytes;
    return [{ digest, ...(sizeBytes === undefined ? {} : { sizeBytes }) }];
  });
}

/** Sizes of payloads that are not the images themselves, by URI. */
function formattedSizes(manifest: Manifest, envelope: Envelope): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const { parameters } of assignments({ manifest, envelope }, server)) {
    const { uri, fetchArguments } = parameters;
    const sizeBytes = fetchArguments === undefined ? undefined : formattedSize(fetchArguments);
    if (uri !== undefined && sizeBytes !== undefined) sizes.set(uri, sizeBytes);
  }
  return sizes;
}

/** Undefined where the arguments are of another house. */
function formattedSize(fetchArguments: Uint8Array): number | undefined {
  try {
    return read(PayloadFormat, fetchArguments).sizeBytes;
  } catch (error) {
    if (error instanceof CborError) return undefined;
    throw error;
  }
}
