/**
 * Campaigns: what an operator wants, as a COSE-signed object that the tracker only executes. It can't be
 * made, widened or repeated by whoever holds the server, because the server holds no operator's key.
 */
import type { Schema } from '@lapel/cbor';
import { CborError, compareBytes, hex, read } from '@lapel/cbor';
import type { VerificationKey } from '@lapel/cose';
import { CoseError, openSigned } from '@lapel/cose';
import type { ComponentIdentifier } from '@lapel/suit';
import { Problem } from '@lapel/transport';
import type { OrderName } from '../protocol.ts';
import { Campaign, CampaignOrder } from '../protocol.ts';
import type { Target, Totals } from './fleet.ts';
import { failedOf, finishedOf } from './fleet.ts';

/** What the tracker must know of a release; the firmware server says it. */
export interface Release {
  readonly digest: Uint8Array;
  readonly vendor: Uint8Array;
  readonly class: Uint8Array;
  readonly sequenceNumber: number;
  readonly components: readonly ComponentIdentifier[];
  /** Of its largest image. */
  readonly imageBytes: number;
  /** Where its manifest is; relative to the tracker where it is relative. */
  readonly uri: string;
  /** An author uploads; only what an operator has released may be offered. */
  readonly released: boolean;
  /** The envelope, for devices that want it pushed to them. */
  readonly envelope?: Uint8Array;
}

export type Releases = (digest: Uint8Array) => Release | undefined | Promise<Release | undefined>;

/** `completed` is not final: a device that joins later is still served until the campaign expires. */
export type CampaignState = 'running' | 'paused' | 'halted' | 'completed' | 'aborted';

export interface CampaignView {
  readonly id: string;
  /** What the operator signed, and the same as bytes: the evidence. */
  readonly campaign: Campaign;
  readonly signed: Uint8Array;
  readonly target: Target;
  readonly uri: string;
  readonly state: CampaignState;
  readonly because?: string;
  /** Rises with every change that the planner makes, so that two trackers can't move a campaign backwards. */
  readonly generation: number;
  /** Of the last order obeyed. */
  readonly orderNumber: number;
  readonly acceptedMs: number;
  readonly actor: string;
  /** What an operator knew when the campaign was resumed after a halt: it does not halt for it again. */
  readonly forgiven: { readonly finished: number; readonly failed: number };
}

export interface Accepted {
  readonly id: string;
  readonly campaign: Campaign;
  readonly target: Target;
  readonly uri: string;
  /** Which operator signed it, by the key's thumbprint. */
  readonly signer: string;
}

/** Longer ones are planned anew: a forgotten campaign must not update a device years later. */
const lifetimeMsMax = 366 * 24 * 3_600_000;
/** How far the clock of the operator may be ahead of ours. */
const clockSkewMsMax = 5 * 60_000;
const silenceMsMin = 1_000;

/**
 * @throws {Problem} where it is not an operator's, not current, or not about a release that may be offered.
 */
export async function acceptCampaign(
  signed: Uint8Array,
  {
    operators,
    releases,
    nowMs,
  }: { operators: readonly VerificationKey[]; releases: Releases; nowMs: number },
): Promise<Accepted> {
  const { message: campaign, signer } = openOperators(Campaign, signed, operators, 'campaign');
  checkTimes(campaign, nowMs);
  checkPolicy(campaign);
  const release = await releases(campaign.manifestDigest);
  const digest = hex(campaign.manifestDigest);
  if (release === undefined) throw refused(`expected the digest of a known manifest, found ${digest}`);
  if (!release.released) {
    throw new Problem(
      'conflict',
      `expected a manifest that an operator has released, found ${digest}, which is not`,
    );
  }
  checkSame('vendor', release.vendor, campaign.vendor);
  checkSame('class', release.class, campaign.class);
  const { sequenceNumber, imageBytes, components, uri } = release;
  const target = { digest: campaign.manifestDigest, sequenceNumber, imageBytes, components };
  return { id: hex(campaign.id), campaign, target, uri, signer };
}

export interface AcceptedOrder {
  readonly order: CampaignOrder;
  readonly signer: string;
}

/** @throws {Problem} where it is not an operator's or is about another campaign. */
export function acceptOrder(
  signed: Uint8Array,
  campaign: string,
  operators: readonly VerificationKey[],
): AcceptedOrder {
  const { message: order, signer } = openOperators(CampaignOrder, signed, operators, 'order');
  const found = hex(order.campaign);
  if (found !== campaign) throw refused(`expected an order for campaign ${campaign}, found one for ${found}`);
  return { order, signer };
}

export const noCampaign = (id: string) =>
  new Problem('not-found', `expected the id of a campaign, found ${id}`);

/** Whether the planner has something to look for in it. */
export const isOpen = ({ state, campaign }: CampaignView, nowMs: number): boolean =>
  state === 'running' || state === 'paused' || (state === 'completed' && nowMs < campaign.expires);

/** Campaigns that were created later win a device; at the same instant, the id decides. */
export const isNewer = (a: CampaignView, b: CampaignView): boolean =>
  a.campaign.created > b.campaign.created || (a.campaign.created === b.campaign.created && a.id > b.id);

/** What an order makes of a campaign. @throws {Problem} as `stateAfter` does. */
export function ordered(view: CampaignView, order: CampaignOrder, totals: Totals): CampaignView {
  const state = stateAfter(view, order);
  const { because: _, ...rest } = view;
  // Who resumes what was halted has seen its failures: it does not halt for the same ones again.
  const forgiven =
    view.state === 'halted' ? { failed: failedOf(totals), finished: finishedOf(totals) } : view.forgiven;
  return { ...rest, state, forgiven, orderNumber: order.number, generation: view.generation + 1 };
}

/** What an order makes of a state. @throws {Problem} where it makes no sense there, or is an old one. */
function stateAfter(view: CampaignView, { number, order }: CampaignOrder): CampaignState {
  if (number <= view.orderNumber) {
    throw new Problem('conflict', `expected an order above number ${view.orderNumber}, found ${number}`);
  }
  const { from, to } = transitions[order];
  if (!from.includes(view.state)) {
    throw new Problem('conflict', `expected a campaign that is ${from.join(' or ')}, found it ${view.state}`);
  }
  return to;
}

const transitions: Readonly<Record<OrderName, { from: readonly CampaignState[]; to: CampaignState }>> = {
  pause: { from: ['running'], to: 'paused' },
  resume: { from: ['paused', 'halted'], to: 'running' },
  abort: { from: ['running', 'paused', 'halted', 'completed'], to: 'aborted' },
};

function openOperators<T>(
  schema: Schema<T>,
  signed: Uint8Array,
  operators: readonly VerificationKey[],
  what: string,
): { readonly message: T; readonly signer: string } {
  try {
    const { payload, key } = openSigned(signed, operators);
    return { message: read(schema, payload), signer: hex(key.kid) };
  } catch (error) {
    if (error instanceof CborError) {
      throw new Problem('bad-request', `${what}: ${error.message}`, { cause: error });
    }
    if (!(error instanceof CoseError)) throw error;
    const code = error.kind === 'malformed' ? 'bad-request' : 'forbidden';
    throw new Problem(code, `${what}, signed by an operator: ${error.message}`, { cause: error });
  }
}

function checkTimes({ created, expires }: Campaign, nowMs: number): void {
  if (expires <= nowMs) throw refused(`expected an expiry in the future, found ${date(expires)}`);
  if (created > nowMs + clockSkewMsMax)
    throw refused(`expected a creation in the past, found ${date(created)}`);
  if (expires - created > lifetimeMsMax) {
    throw refused(`expected a lifetime of at most ${lifetimeMsMax} ms, found ${expires - created}`);
  }
}

function checkPolicy({ waves, inFlightMax, failureRateMax, silenceMsMax }: Campaign): void {
  const rises = waves.every((share, index) => share > (waves[index - 1] ?? 0));
  if (!rises || waves.at(-1) !== 1000) {
    throw refused(`expected waves that rise to 1000 thousandths, found ${waves.join(', ')}`);
  }
  if (inFlightMax < 1) throw refused(`expected at least 1 device in flight, found ${inFlightMax}`);
  if (failureRateMax > 1000) {
    throw refused(`expected a failure rate of at most 1000 thousandths, found ${failureRateMax}`);
  }
  if (silenceMsMax < silenceMsMin) {
    throw refused(`expected a silence of at least ${silenceMsMin} ms, found ${silenceMsMax}`);
  }
}

function checkSame(what: string, expected: Uint8Array, found: Uint8Array): void {
  if (compareBytes(expected, found) === 0) return;
  throw refused(`expected the manifest's ${what} ${hex(expected)}, found ${hex(found)}`);
}

const refused = (detail: string) => new Problem('unprocessable', detail);

/** Beyond the year 275760 there is no date; the number itself is still a fact. */
const date = (ms: number) => (ms <= 8.64e15 ? new Date(ms).toISOString() : `${ms} ms`);
