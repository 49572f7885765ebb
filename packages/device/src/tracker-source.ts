/** A status tracker that knows the device and offers it updates (RFC 9019 §9, second flow). */

import { equalInConstantTime } from '@lapel/cose';
import type { TrackerClient } from '@lapel/status-tracker/client';
import type { UpdateSource } from './update-source.ts';

export interface TrackerSourceOptions {
  readonly client: TrackerClient;
  /** The tracker's own address: an offer's URI may be relative to it. */
  readonly origin: string;
  /** How long the tracker may keep the answer back until there is news: a push through any firewall. */
  readonly waitMs?: number;
}

export function trackerSource({ client, origin, waitMs }: TrackerSourceOptions): UpdateSource {
  /**
   * An offer is taken once: whatever came of it has been reported, and the tracker's next word has another
   * nonce.
   */
  let taken: Uint8Array | undefined;
  return {
    async announce(status) {
      await client.checkIn(status);
      return true;
    },
    postpone: () => void (taken = undefined),
    async next(signal) {
      const offer = await client.poll({ signal, ...(waitMs === undefined ? {} : { waitMs }) });
      if (offer === undefined) return undefined;
      if (taken !== undefined && equalInConstantTime(offer.nonce, taken)) return undefined;
      taken = offer.nonce;
      const { digest, envelope, nonce, generation } = offer;
      return {
        // One that is no URI leads nowhere, and is reported so.
        uri: URL.canParse(offer.uri, origin) ? new URL(offer.uri, origin).href : offer.uri,
        digest,
        binding: { nonce, generation },
        ...(envelope === undefined ? {} : { envelope }),
      };
    },
    report: (report) => client.report(report),
  };
}
