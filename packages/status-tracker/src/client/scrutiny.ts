/**
 * How a device holds its tracker to what operators have signed: every offer to its campaign, and the silence
 * between two offers to the last word on which release is the newest.
 */
import type { VerificationKey } from '@lapel/cose';
import { equalInConstantTime } from '@lapel/cose';
import type { Clock } from '@lapel/transport';
import { TransportError } from '@lapel/transport';
import { attributesOf } from '../policy/attributes.ts';
import type { Asked } from '../policy/attributes.ts';
import type { CheckIn, CheckInState, Offer } from '../protocol.ts';
import { objectionTo } from './check-campaign.ts';
import type { KnownNewest } from './newest.ts';
import { frozenSince, hear } from './newest.ts';

export interface HeldTo {
  /** Whose word counts now: its trust anchors. */
  readonly keys: () => readonly VerificationKey[];
  /** The last word on the newest release that it believed, as it is kept. */
  readonly known: () => KnownNewest | undefined;
  readonly keep: (known: KnownNewest) => void;
  readonly clock: Clock;
}

/** What a client gives for it. */
interface Source {
  readonly self: Omit<Asked, 'inventory'>;
  readonly newest: Uint8Array | undefined;
  statement(digest: Uint8Array): Promise<Uint8Array>;
}

/** What an offer names, whoever brings it. */
type Named = Pick<Offer, 'campaign' | 'digest' | 'campaignDigest'>;

/** What the device tells of it in its check-ins. */
export type ToldOfNewest = Pick<CheckIn, 'newestSequenceNumber' | 'frozenSinceMs'>;

export interface Scrutiny {
  /**
   * Why the device does not follow an offer, or undefined where it may.
   * @param status as it has checked in
   * @throws {TransportError} where nothing can be said for now.
   */
  objectionTo(offer: Named, status: CheckInState | undefined): Promise<string | undefined>;
  /** Fetches what the last poll has named, once. @returns why it is not believed. */
  listen(): Promise<string | undefined>;
  told(): ToldOfNewest;
}

export function createScrutiny(source: Source, { keys, known, keep, clock }: HeldTo): Scrutiny {
  let campaign: Statement | undefined;
  let heard: Uint8Array | undefined;
  const nowMs = () => (clock.wallIsTrusted ? clock.wallMs() : undefined);

  async function campaignOf({ campaignDigest: digest }: Named): Promise<Statement | string> {
    if (digest === undefined) return 'expected the digest of a signed campaign, found none';
    if (campaign !== undefined && equalInConstantTime(campaign.digest, digest)) return campaign;
    try {
      campaign = { digest, signed: await source.statement(digest) };
      return campaign;
    } catch (error) {
      const isRefusal =
        error instanceof TransportError && (error.kind === 'refused' || error.kind === 'malformed');
      if (isRefusal) return `campaign: ${error.message}`;
      throw error;
    }
  }

  return {
    async objectionTo(offer, status) {
      const found = await campaignOf(offer);
      if (typeof found === 'string') return found;
      const { id: device, vendor, class: product } = source.self;
      const attributes = attributesOf({
        ...source.self,
        ...(status === undefined ? {} : { inventory: status }),
      });
      const own = { device, vendor, class: product, attributes, operators: keys(), nowMs: nowMs() };
      return objectionTo(offer, found.signed, own);
    },
    async listen() {
      const { newest, self } = source;
      if (newest === undefined || (heard !== undefined && equalInConstantTime(newest, heard)))
        return undefined;
      let signed: Uint8Array;
      try {
        signed = await source.statement(newest);
      } catch (error) {
        // Whoever can't be reached, or has something else under that name, is asked again with the next poll.
        if (error instanceof TransportError) return undefined;
        throw error;
      }
      heard = newest;
      const before = known();
      const own = { operators: keys(), vendor: self.vendor, class: self.class, nowMs: nowMs() };
      const said = hear(signed, before, own);
      if (said.end === 'refused') return said.because;
      if (before?.createdMs !== said.known.createdMs) keep(said.known);
      return undefined;
    },
    told() {
      const newest = known();
      const frozenSinceMs = frozenSince(newest, nowMs());
      return {
        ...(newest === undefined ? {} : { newestSequenceNumber: newest.sequenceNumber }),
        ...(frozenSinceMs === undefined ? {} : { frozenSinceMs }),
      };
    },
  };
}

interface Statement {
  readonly digest: Uint8Array;
  readonly signed: Uint8Array;
}
