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
import type { Judged } from '../policy/urgency.ts';
import { consequences } from '../policy/urgency.ts';
import type { OrderName } from '../protocol.ts';
import { Campaign, CampaignOrder, urgencies } from '../protocol.ts';
import { checkTerms, refused } from './campaign-terms.ts';
import type { Target, Totals } from './fleet.ts';
import { failedOf, finishedOf } from './fleet.ts';
import type { Approving, Persons } from './persons.ts';
import { personOf } from './persons.ts';

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
  /** Thumbprints of the keys that its manifest is signed with: their holders roll nothing out. */
  readonly authors?: readonly string[];
  /** The envelope, for devices that want it pushed to them. */
  readonly envelope?: Uint8Array;
}

export type Releases = (digest: Uint8Array) => Release | undefined | Promise<Release | undefined>;

/**
 * `proposed` waits for approvals. `completed` is not final: a device that joins later is still served until
 * the campaign expires.
 */
export type CampaignState = 'proposed' | 'running' | 'paused' | 'halted' | 'completed' | 'aborted';

export interface CampaignView {
  readonly id: string;
  /** What the operator signed, and the same as bytes: the evidence. */
  readonly campaign: Campaign;
  readonly signed: Uint8Array;
  readonly target: Target;
  readonly uri: string;
  readonly judged: Judged;
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
  readonly progress: Progress;
}

/** How far a campaign is, beyond what its members tell. */
export interface Progress {
  /** The wave that is open, from 0, and what was finished and failed when it opened. */
  readonly wave: number;
  readonly finished: number;
  readonly failed: number;
  /** Offers that may be made at once, and since when they have been adding up. */
  readonly allowance: number;
  readonly allowedMs: number;
  /** Who signed it, and who has approved it. */
  readonly person: string;
  readonly approvals: readonly Approving[];
}

export interface Accepted {
  readonly id: string;
  readonly campaign: Campaign;
  readonly target: Target;
  readonly uri: string;
  /** How urgent it is: as it is signed, or else by what it rolls out. It is judged once, and stays so. */
  readonly judged: Judged;
  /** Which operator signed it, by the key's thumbprint. */
  readonly signer: string;
  readonly person: string;
}

/**
 * @throws {Problem} where it is not an operator's, not current, or not about a release that may be offered.
 */
export async function acceptCampaign(
  signed: Uint8Array,
  {
    operators,
    releases,
    judge,
    nowMs,
    persons = new Map(),
  }: {
    operators: readonly VerificationKey[];
    releases: Releases;
    judge: Judge;
    nowMs: number;
    persons?: Persons;
  },
): Promise<Accepted> {
  const { message: campaign, signer } = openOperators(Campaign, signed, operators, 'campaign');
  checkTerms(campaign, nowMs);
  const release = await releases(campaign.manifestDigest);
  const digest = hex(campaign.manifestDigest);
  if (release === undefined) throw refused(`expected the digest of a known manifest, found ${digest}`);
  if (!release.released) {
    throw new Problem(
      'conflict',
      `expected a manifest that an operator has released, found ${digest}, which is not`,
    );
  }
  const person = personOf(persons, signer);
  if (release.authors?.some((author) => personOf(persons, author) === person) === true) {
    throw new Problem('forbidden', `expected an operator who is not the release's author, found ${person}`);
  }
  checkSame('vendor', release.vendor, campaign.vendor);
  checkSame('class', release.class, campaign.class);
  const { sequenceNumber, imageBytes, components, uri } = release;
  const target = { digest: campaign.manifestDigest, sequenceNumber, imageBytes, components };
  const judged =
    campaign.urgency === undefined
      ? await judge(campaign, target)
      : { urgency: campaign.urgency, because: 'its operator has signed it so' };
  return { id: hex(campaign.id), campaign, target, uri, judged, signer, person };
}

/** Of a campaign whose operator has left it to the release. */
export type Judge = (campaign: Campaign, target: Target) => Promise<Judged>;

/** By when all that it addresses should run it: as it is signed, or else as its urgency asks. */
export function deadlineOf({ campaign, judged }: Pick<CampaignView, 'campaign' | 'judged'>): number {
  const { created, expires, deadline = created + consequences[judged.urgency].deadlineMs } = campaign;
  return Math.min(expires, deadline);
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

/** A campaign as it begins. */
export function begun(
  { signer, person, ...accepted }: Accepted,
  { signed, actor, nowMs }: { readonly signed: Uint8Array; readonly actor: string; readonly nowMs: number },
): CampaignView {
  const { approvals = 0, ratePerMinute = 0 } = accepted.campaign;
  return {
    ...accepted,
    signed,
    state: approvals > 0 ? 'proposed' : 'running',
    generation: 0,
    orderNumber: 0,
    acceptedMs: nowMs,
    actor: `${actor}, signed by ${signer}`,
    forgiven: { finished: 0, failed: 0 },
    progress: {
      ...{ wave: 0, finished: 0, failed: 0 },
      ...{ allowance: ratePerMinute, allowedMs: nowMs },
      person,
      approvals: [],
    },
  };
}

/** Offers that its rate allows now: never more than a minute's. */
export function allowanceOf({ campaign, progress }: CampaignView, nowMs: number): number {
  const { ratePerMinute } = campaign;
  if (ratePerMinute === undefined) return Infinity;
  const added = (Math.max(0, nowMs - progress.allowedMs) * ratePerMinute) / 60_000;
  return Math.min(ratePerMinute, progress.allowance + added);
}

/** Whether the planner has something to look for in it. */
export const isOpen = ({ state, campaign }: CampaignView, nowMs: number): boolean =>
  state === 'running' ||
  state === 'paused' ||
  state === 'proposed' ||
  (state === 'completed' && nowMs < campaign.expires);

/**
 * The newest applicable release wins a device, the more urgent before it: a mended bug overtakes a new
 * configuration. Of one release, the campaign that was created later; at the same instant, the id decides.
 */
export function isNewer(a: CampaignView, b: CampaignView): boolean {
  const [one, other] = [rankOf(a), rankOf(b)];
  const differing = one.findIndex((value, index) => value !== other[index]);
  return (one[differing] ?? 0) > (other[differing] ?? 0);
}

/** Compared in this order, the greater first. */
export const rankOf = ({ id, campaign, target, judged }: CampaignView): readonly (number | string)[] => [
  -urgencies[judged.urgency],
  target.sequenceNumber,
  campaign.created,
  id,
];

/** What an order makes of a campaign. @throws {Problem} as `stateAfter` does. */
export function ordered(view: CampaignView, order: CampaignOrder, totals: Totals): CampaignView {
  const state = stateAfter(view, order);
  const { because: _, ...rest } = view;
  // Who resumes what was halted has seen its failures: it does not halt for the same ones again.
  const forgiven =
    view.state === 'halted' ? { failed: failedOf(totals), finished: finishedOf(totals) } : view.forgiven;
  // The test of its wave begins anew, too.
  const progress = { ...view.progress, ...(view.state === 'halted' ? forgiven : {}) };
  return { ...rest, state, forgiven, progress, orderNumber: order.number, generation: view.generation + 1 };
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
  abort: { from: ['proposed', 'running', 'paused', 'halted', 'completed'], to: 'aborted' },
  // Those that failed for the time being, went back or fell silent wait for an offer again.
  retry: { from: ['running', 'paused', 'halted', 'completed'], to: 'running' },
};

/** @throws {Problem} */
export function openOperators<T>(
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

function checkSame(what: string, expected: Uint8Array, found: Uint8Array): void {
  if (compareBytes(expected, found) === 0) return;
  throw refused(`expected the manifest's ${what} ${hex(expected)}, found ${hex(found)}`);
}
