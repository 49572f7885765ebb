/** What a poll is answered, made once for each offer. */
import { hash } from 'node:crypto';
import { hex, unhex, write } from '@lapel/cbor';
import type { Response } from '@lapel/transport';
import { bytesBody, emptyBody } from '@lapel/transport';
import type { Offer, Urgency } from '../protocol.ts';
import { PollAnswer, envelopeBytesMax, mediaTypes, protocolVersion } from '../protocol.ts';
import type { SessionTerms } from './session-terms.ts';
import type { LiveOffer } from './store.ts';

/** An offer with what the campaign and its release add to it. */
export interface FullOffer extends LiveOffer {
  readonly uri: string;
  readonly digest: Uint8Array;
  readonly envelope?: Uint8Array;
  readonly urgency: Urgency;
  /** By when the device should have it. */
  readonly latestMs: number;
  /** Of the campaign as it was signed. */
  readonly campaignDigest: Uint8Array;
}

export interface OfferAnswers {
  readonly etag: string;
  readonly full: Response;
  readonly unchanged: Response;
}

/** What there is to say to a device. */
export interface Said {
  readonly offer: FullOffer | undefined;
  readonly trigger: Uint8Array | undefined;
  /** The digest of the last word on the newest release. */
  readonly newest: Uint8Array | undefined;
}

/** Another server to fetch from is news, and a renewed trigger, and another word on the newest release. */
const etagOf = ({ offer, trigger, newest }: Said): string =>
  [
    offer === undefined ? 'none' : hex(offer.nonce),
    ...(offer === undefined || offer.uri.startsWith('/') ? [] : [hash('sha256', offer.uri).slice(0, 8)]),
    ...(offer === undefined || trigger === undefined ? [] : [hash('sha256', trigger).slice(0, 16)]),
    ...(newest === undefined ? [] : [hex(newest).slice(0, 16)]),
  ].join('-');

/** The answers to a poll; with an empty body where there is nothing to say. */
export function answers(said: Said, terms: SessionTerms): OfferAnswers {
  const { offer, newest } = said;
  const etag = etagOf(said);
  const unchanged: Response = { status: 'valid', etag, body: emptyBody };
  if (offer === undefined && newest === undefined) {
    return { etag, unchanged, full: { status: 'ok', etag, size: 0, body: emptyBody } };
  }
  const bytes = write(PollAnswer, {
    version: protocolVersion,
    ...(offer === undefined ? {} : { offer: offerOf(offer, terms, said.trigger) }),
    ...(newest === undefined ? {} : { newest }),
  });
  const full: Response = {
    status: 'ok',
    contentType: mediaTypes.cbor,
    etag,
    size: bytes.length,
    body: bytesBody(bytes),
  };
  return { etag, unchanged, full };
}

function offerOf(
  { campaign, generation, uri, digest, expiresMs, nonce, envelope, latestMs, urgency, ...rest }: FullOffer,
  { updateMode, line }: SessionTerms,
  trigger: Uint8Array | undefined,
): Offer {
  // Only who asked to be pushed to, or decides by it, gets the envelope unasked; everyone else fetches it.
  const pushed =
    updateMode !== 'client-initiated' && envelope !== undefined && envelope.length <= envelopeBytesMax;
  return {
    version: protocolVersion,
    campaign: unhex(campaign) ?? new Uint8Array(),
    generation,
    uri,
    digest,
    expires: expiresMs,
    nonce,
    ...(pushed ? { envelope } : {}),
    latest: latestMs,
    urgency,
    ...(trigger === undefined ? {} : { trigger }),
    ...(line === undefined ? {} : { campaignDigest: rest.campaignDigest }),
  };
}
