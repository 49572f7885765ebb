/** What a poll is answered, made once for each offer. */
import { hash } from 'node:crypto';
import { hex, unhex, write } from '@lapel/cbor';
import type { Response } from '@lapel/transport';
import { bytesBody, emptyBody } from '@lapel/transport';
import type { UpdateMode, Urgency } from '../protocol.ts';
import { Offer, envelopeBytesMax, mediaTypes, protocolVersion } from '../protocol.ts';
import type { LiveOffer } from './store.ts';

/** An offer with what the campaign and its release add to it. */
export interface FullOffer extends LiveOffer {
  readonly uri: string;
  readonly digest: Uint8Array;
  readonly envelope?: Uint8Array;
  readonly urgency: Urgency;
  /** By when the device should have it. */
  readonly latestMs: number;
}

export interface OfferAnswers {
  readonly etag: string;
  readonly full: Response;
  readonly unchanged: Response;
}

/** A trigger that is renewed is news, too. */
const etagOf = (nonce: Uint8Array, trigger: Uint8Array | undefined): string =>
  trigger === undefined ? hex(nonce) : `${hex(nonce)}-${hash('sha256', trigger).slice(0, 16)}`;

/** The answers to a poll: of the offer, or of an empty body where there is none. */
export function answers(
  offer: FullOffer | undefined,
  updateMode: UpdateMode,
  trigger: Uint8Array | undefined,
): OfferAnswers {
  const etag = offer === undefined ? 'none' : etagOf(offer.nonce, trigger);
  const unchanged: Response = { status: 'valid', etag, body: emptyBody };
  if (offer === undefined) return { etag, unchanged, full: { status: 'ok', etag, size: 0, body: emptyBody } };
  const bytes = offerBytes(offer, updateMode, trigger);
  const full: Response = {
    status: 'ok',
    contentType: mediaTypes.cbor,
    etag,
    size: bytes.length,
    body: bytesBody(bytes),
  };
  return { etag, unchanged, full };
}

function offerBytes(
  { campaign, generation, uri, digest, expiresMs, nonce, envelope, latestMs, urgency }: FullOffer,
  updateMode: UpdateMode,
  trigger: Uint8Array | undefined,
) {
  // Only who asked to be pushed to, or decides by it, gets the envelope unasked; everyone else fetches it.
  const pushed =
    updateMode !== 'client-initiated' && envelope !== undefined && envelope.length <= envelopeBytesMax;
  return write(Offer, {
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
  });
}
