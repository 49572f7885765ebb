/**
 * What an envelope is about, with nothing proved but its digests: for its author, who is about to sign
 * it or to upload it.
 */

import { bstr, hex, read } from '@lapel/cbor';
import type { Envelope, KnownDigest, Manifest, UpdateSummary } from '@lapel/suit';
import { Digest, knownDigest, readEnvelope, readManifest, server, summarise } from '@lapel/suit';
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
  /** Where the manifest states it for this image. */
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
    payloads: publishedPayloads(summary),
  };
}

function publishedPayloads({ uris, images }: UpdateSummary): readonly PublishedPayload[] {
  return uris.flatMap((uri) => {
    const digest = /^\.\.\/payloads\/(?<digest>[0-9a-f]{64})$/.exec(uri)?.groups?.['digest'];
    if (digest === undefined) return [];
    const image = images.find((each) => each.digest !== undefined && hex(each.digest.bytes) === digest);
    return [{ digest, ...(image?.sizeBytes === undefined ? {} : { sizeBytes: image.sizeBytes }) }];
  });
}
