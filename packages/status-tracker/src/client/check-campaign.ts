/**
 * A device that can holds an offer to the campaign behind it, as an operator has signed it: whom it is for,
 * which manifest, until when, and not before its own wave may open. So whoever holds the tracker can't widen
 * a rollout, hurry it, or revive it. Thresholds and rates are for the tracker: of them a device sees
 * nothing. A device that can't (Class 1) relies on the signatures on the manifest itself.
 */
import { CborError, compareBytes, hex, read } from '@lapel/cbor';
import type { VerificationKey } from '@lapel/cose';
import { CoseError, openSigned } from '@lapel/cose';
import { draw, waveOf } from '../policy/draw.ts';
import { QueryError, readQuery } from '../policy/query-text.ts';
import type { Attributes } from '../policy/query.ts';
import { answer, asksForTags } from '../policy/query.ts';
import type { Offer } from '../protocol.ts';
import { Campaign } from '../protocol.ts';

export interface OwnView {
  readonly device: string;
  readonly vendor: Uint8Array;
  readonly class: Uint8Array;
  readonly attributes: Attributes;
  /** Provisioned, like a trust anchor. */
  readonly operators: readonly VerificationKey[];
  /** Undefined where the device has no clock that it trusts: then nothing is too early or too late. */
  readonly nowMs: number | undefined;
}

/** How far a device's clock may be behind the operator's. */
const clockSkewMsMax = 5 * 60_000;

/** @returns why the device does not follow the offer, or undefined where it may. */
export function objectionTo(
  offer: Pick<Offer, 'campaign' | 'digest'>,
  signed: Uint8Array,
  own: OwnView,
): string | undefined {
  const opened = openCampaign(signed, own.operators);
  if (typeof opened === 'string') return opened;
  const { id, manifestDigest, vendor, class: product, created, expires, soakMs = 0, waves } = opened;
  if (compareBytes(id, offer.campaign) !== 0) {
    return `expected the campaign ${hex(offer.campaign)}, found ${hex(id)}`;
  }
  if (compareBytes(manifestDigest, offer.digest) !== 0) {
    return `expected the manifest ${hex(manifestDigest)}, found ${hex(offer.digest)} in the offer`;
  }
  if (compareBytes(vendor, own.vendor) !== 0 || compareBytes(product, own.class) !== 0) {
    return `expected a campaign for class ${hex(own.class)}, found one for ${hex(product)}`;
  }
  const told = predicateObjection(opened, own.attributes);
  if (told !== undefined || own.nowMs === undefined) return told;
  if (own.nowMs >= expires) return 'expected a campaign that has not expired, found one that has';
  const wave = waveOf(draw(hex(id), own.device), waves);
  const opensMs = created + wave * soakMs;
  if (own.nowMs + clockSkewMsMax >= opensMs) return undefined;
  return `expected an offer when wave ${wave + 1} may open, found one ${opensMs - own.nowMs} ms before`;
}

function openCampaign(signed: Uint8Array, operators: readonly VerificationKey[]): Campaign | string {
  try {
    return read(Campaign, openSigned(signed, operators).payload);
  } catch (error) {
    if (error instanceof CborError || error instanceof CoseError) return `campaign: ${error.message}`;
    throw error;
  }
}

function predicateObjection({ predicate }: Campaign, attributes: Attributes): string | undefined {
  if (predicate === undefined) return undefined;
  try {
    const query = readQuery(predicate);
    const isMeant = answer(query, attributes);
    // Its tags it can't see: of a query that asks for them it refuses only what the rest rules out.
    if (isMeant === true || (isMeant === undefined && asksForTags(query))) return undefined;
    return `expected a campaign for this device, found one for devices with ${predicate}`;
  } catch (error) {
    if (error instanceof QueryError) return `predicate: ${error.message}`;
    throw error;
  }
}
