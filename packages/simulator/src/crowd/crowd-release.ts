/** Firmware for crowds: a release with its payload, what a tracker knows of it, and how it is handed out. */

import { hex } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { digest as digestOf } from '@lapel/cose';
import { outlineEnvelope, publishedUri } from '@lapel/author';
import type { Release } from '@lapel/status-tracker';
import type { Handler } from '@lapel/transport';
import { bytesBody } from '@lapel/transport';
import { component, makeRelease } from '../firmware.ts';

export interface CrowdRelease {
  readonly className: string;
  readonly sequenceNumber: number;
  readonly digest: Uint8Array;
  readonly envelope: Uint8Array;
  /** What its manifest fetches. */
  readonly payload: readonly [uri: string, image: Uint8Array];
}

export async function makeCrowdRelease(
  author: SigningKey,
  {
    className,
    sequenceNumber,
    image,
  }: Pick<CrowdRelease, 'className' | 'sequenceNumber'> & { image: Uint8Array },
): Promise<CrowdRelease> {
  const version = `1.${sequenceNumber}.0`;
  const envelope = await makeRelease({ image, sequence: sequenceNumber, version, className, key: author });
  const { digest } = outlineEnvelope(envelope);
  const payload = [publishedUri(digestOf('sha-256', image)), image] as const;
  return { className, sequenceNumber, digest: digest.bytes, envelope, payload };
}

/** What a firmware server would say of it to a tracker. */
export function releaseIn(envelope: Uint8Array): Release {
  const { digest, summary } = outlineEnvelope(envelope);
  const [vendor, product] = [summary.vendorIdentifiers[0], summary.classIdentifiers[0]];
  if (vendor === undefined || product === undefined)
    throw new Error('expected a release for a class, found none');
  return {
    digest: digest.bytes,
    vendor,
    class: product,
    sequenceNumber: summary.sequenceNumber,
    components: [component],
    imageBytes: 1,
    uri: `/manifests/${hex(digest.bytes)}`,
    released: true,
  };
}

/** Manifests beside the tracker's own resources, as a house of one process has them. */
export const withManifests =
  (tracker: Handler, envelopeOf: (digest: string) => Promise<Uint8Array>): Handler =>
  async (request) => {
    const digest = /^\/manifests\/(?<digest>[0-9a-f]{64})$/.exec(request.path)?.groups?.['digest'];
    if (digest === undefined) return tracker(request);
    return { status: 'ok', headers: {}, body: bytesBody(await envelopeOf(digest)) };
  };
