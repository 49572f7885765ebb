/**
 * What the tracker remembers. Every method returns a Promise and is one complete transaction; those that
 * write take batches. There is no `transaction(fn)`: what belongs together is one method, so that a store
 * may be a file or a server. Every stored row carries its tenant (a store is opened for one) and the actor
 * that wrote it.
 */
import type { UpdateMode } from '../protocol.ts';
import type { AuditStore } from './audit.ts';
import type { Barring } from './barred.ts';
import type { ChallengeStore } from './challenge-store.ts';
import type { ChannelStore } from './channel-store.ts';
import { allowanceOf } from './campaign.ts';
import { isLive } from './fleet.ts';
import type { LeaseStore } from './leases.ts';
import type { LogStore } from './log.ts';
import type { NewestStore } from './newest-store.ts';
import type { NewsStore } from './news.ts';
import type { OutboxStore } from './outbox/outbox-store.ts';
import type { Answered, CheckInRecord, Evidence, Recorded, ReportRecord } from './records.ts';
import type { WhereaboutsStore } from './whereabouts.ts';
import type { Approving } from './persons.ts';
import type { AcceptedOrder, CampaignState, CampaignView, Progress } from './campaign.ts';
import type { EnrolmentStore } from './enrolment/enrolment-store.ts';
import type {
  Act,
  AnswerView,
  Approval,
  Change,
  DeviceView,
  Due,
  Member,
  MemberStatus,
  NewDevice,
  TagChange,
  Speaker,
  Statement,
  Totals,
} from './fleet.ts';

export type { AuditEntry } from './audit.ts';
export type { Act, NewDevice } from './fleet.ts';
export type { Answered, CheckInRecord, Evidence, Recorded, Replay, ReportRecord } from './records.ts';

/** `other-key`: the id is known by another key. `key-in-use`: the key is known by another id. */
export type Added = 'added' | 'known' | 'other-key' | 'key-in-use';

export interface NewSession {
  readonly device: string;
  readonly tokenHash: Uint8Array;
  readonly updateMode: UpdateMode;
  readonly statement?: Statement;
  /** How often the device says that it has started; what it said before stays where it says nothing. */
  readonly starts?: number;
  readonly atMs: number;
}

/** A session as it is restored, with what its device is. */
export interface LiveSession extends Omit<NewSession, 'atMs'> {
  readonly vendor: Uint8Array;
  readonly class: Uint8Array;
}

export interface Seen {
  readonly device: string;
  readonly atMs: number;
}

export interface LiveOffer {
  readonly device: string;
  readonly campaign: string;
  readonly generation: number;
  readonly nonce: Uint8Array;
  readonly expiresMs: number;
}

/** Whose offers are meant: all where nothing is named. */
export type LiveOf = Partial<Pick<LiveOffer, 'campaign' | 'device'>>;

/** A step with what carrying it out has added. */
export type Move =
  | { readonly do: 'offer'; readonly device: string; readonly nonce: Uint8Array; readonly expiresMs: number }
  | { readonly do: 'give-up'; readonly device: string; readonly because: 'silent' | 'not-taken' }
  | { readonly do: 'wait'; readonly device: string; readonly untilMs: number }
  /** Its device will not have the offer of that nonce: not before then, or not at all. */
  | { readonly do: 'decline'; readonly device: string; readonly nonce: Uint8Array; readonly untilMs: number }
  | { readonly do: 'refuse'; readonly device: string; readonly nonce: Uint8Array; readonly because: string }
  | { readonly do: 'open'; readonly wave: number; readonly finished: number; readonly failed: number }
  | { readonly do: 'halt'; readonly because: string }
  | { readonly do: 'complete' };

/** Undefined where the campaign has moved on meanwhile: nothing was done. */
export type Applied =
  | {
      readonly changes: readonly Change[];
      readonly offers: readonly LiveOffer[];
      readonly state: CampaignState;
    }
  | undefined;

export type Role = 'viewer' | 'author' | 'operator' | 'approver' | 'admin';

export const roleNames: readonly Role[] = ['viewer', 'author', 'operator', 'approver', 'admin'];
export const rolesOf = (names: readonly string[]): readonly Role[] =>
  roleNames.filter((role) => names.includes(role));

export interface AccessGrant {
  readonly hash: Uint8Array;
  readonly name: string;
  readonly roles: readonly Role[];
  readonly createdMs: number;
}

export interface FleetGroup {
  readonly vendor: Uint8Array;
  readonly class: Uint8Array;
  readonly version: string;
  /** `pending` before approval, `silent` before the first check-in; else the device's own word. */
  readonly state: string;
  readonly count: number;
}

export interface Page {
  /** The last id of the page before. */
  readonly after?: string;
  readonly limit: number;
}

export interface DevicePage extends Page {
  /** Only those; all, where it is absent. */
  readonly approval?: Approval;
}

export interface FleetStore
  extends
    AuditStore,
    LogStore,
    LeaseStore,
    NewsStore,
    OutboxStore,
    NewestStore,
    EnrolmentStore,
    ChallengeStore,
    ChannelStore,
    WhereaboutsStore {
  /** Adds what is not there yet, and never replaces a key. */
  addDevices(batch: readonly NewDevice[], by: Act): Promise<readonly Added[]>;
  /** They get nothing until an operator approves them again. @returns those that were approved. */
  freeze(devices: readonly string[], why: Barring): Promise<readonly string[]>;
  /**
   * They are of the fleet no more, until an operator approves them again: their sessions and their places in
   * campaigns end; their ids, keys and words stay. @returns those that were approved or frozen.
   */
  retire(devices: readonly string[], why: Barring): Promise<readonly string[]>;
  /** Keeps what devices answer to their offers; of each device, the last. */
  recordAnswers(batch: readonly AnswerView[]): Promise<readonly Answered[]>;
  /** @returns those that were not. */
  approve(devices: readonly string[], by: Act): Promise<readonly string[]>;
  /**
   * Calls devices by other tags; they are members then of what is for them.
   * @returns those that there are.
   * @throws {Problem} where one would have too many.
   */
  tag(devices: readonly string[], change: TagChange, by: Act): Promise<readonly string[]>;
  /** @returns of each whether it has begun: none does of a device that is retired, or not there. */
  startSessions(batch: readonly NewSession[]): Promise<readonly boolean[]>;
  recordCheckIns(batch: readonly CheckInRecord[]): Promise<readonly Recorded[]>;
  recordReports(batch: readonly ReportRecord[]): Promise<readonly Recorded[]>;
  /** Never moves a device's last contact backwards. */
  recordSeen(batch: readonly Seen[]): Promise<void>;
  device(id: string): Promise<DeviceView | undefined>;
  /** Each by its id, or by the name of its key. */
  speakers(named: readonly (string | Uint8Array)[]): Promise<readonly (Speaker | undefined)[]>;
  /** In the order of their ids. */
  devices(page: DevicePage): Promise<readonly DeviceView[]>;
  countDevices(approval: Approval): Promise<number>;
  /** The whole fleet, counted by what it runs and does. */
  summary(): Promise<readonly FleetGroup[]>;
  /** What devices said, newest first. */
  evidence(device: string, limit: number): Promise<readonly Evidence[]>;

  /** @returns false where its id is taken. */
  addCampaign(campaign: CampaignView): Promise<boolean>;
  /** @throws {Problem} where the order makes no sense by now (see `afterOrder`). */
  applyOrder(accepted: AcceptedOrder, by: Act): Promise<CampaignView>;
  campaign(id: string): Promise<CampaignView | undefined>;
  /** Newest first. */
  campaigns(limit: number): Promise<readonly CampaignView[]>;
  /** Those that the planner must look at: not aborted, and not over for good; what goes first is first. */
  openCampaigns(nowMs: number): Promise<readonly CampaignView[]>;
  /** Counts another operator's consent (`approved`). @throws {Problem} where there is no such campaign. */
  approveCampaign(campaign: string, voice: Approving, by: Act): Promise<CampaignView>;
  /**
   * Makes members of those devices on one page of the campaign's class that it is for and that are none yet.
   * @returns the last device that it looked at, where the page is full.
   */
  join(campaign: string, page: Page, atMs: number): Promise<string | undefined>;
  /** Makes one device a member of all open campaigns that are for it: it is new, or has changed. */
  joinOpen(device: string, atMs: number): Promise<void>;
  totals(campaign: string): Promise<Totals>;
  /** Silent ones in flight, and at most `limit` that may be offered the campaign's manifest now. */
  due(campaign: string, nowMs: number, limit: number): Promise<readonly Due[]>;
  applySteps(campaign: string, generation: number, moves: readonly Move[], atMs: number): Promise<Applied>;
  member(campaign: string, device: string): Promise<Member | undefined>;
  members(campaign: string, status: MemberStatus | undefined, page: Page): Promise<readonly Member[]>;
  /** Those whose campaign is running. */
  liveOffers(of?: LiveOf): Promise<readonly LiveOffer[]>;
  /** Of every device that has one, for after a restart, or of the one that is named. */
  sessions(device?: string): Promise<readonly LiveSession[]>;

  addGrant(grant: AccessGrant, by: Act): Promise<void>;
  /** @returns whether there was one of that name. */
  removeGrant(name: string, by: Act): Promise<boolean>;
  grants(): Promise<readonly AccessGrant[]>;
  close(): Promise<void>;
}

/** Who the rows of the planner's steps name. */
export const plannerActor = 'planner';

/** What the steps make of their campaign. A completed one that has a new device to serve runs again. */
export function stepped(view: CampaignView, moves: readonly Move[], atMs: number): CampaignView {
  const { because: known, ...before } = view;
  const rest = { ...before, progress: progressAfter(view, moves, atMs) };
  const halt = moves.find((move) => move.do === 'halt');
  const generation = view.generation + 1;
  if (halt !== undefined) return { ...rest, generation, state: 'halted', because: halt.because };
  const because = known === undefined ? {} : { because: known };
  if (moves.some((move) => move.do === 'complete'))
    return { ...rest, ...because, generation, state: 'completed' };
  const reopens = view.state === 'completed' && moves.some((move) => move.do === 'offer');
  return { ...rest, ...because, generation, state: reopens ? 'running' : view.state };
}

function progressAfter(view: CampaignView, moves: readonly Move[], atMs: number): Progress {
  const offers = moves.filter((move) => move.do === 'offer').length;
  const opened = moves.find((move) => move.do === 'open');
  const { wave, finished, failed } = opened ?? view.progress;
  const allowance = view.campaign.ratePerMinute === undefined ? 0 : allowanceOf(view, atMs) - offers;
  return { ...view.progress, wave, finished, failed, allowance, allowedMs: atMs };
}

export function liveOfferOf({ campaign, device, generation, status, offer }: Member): LiveOffer | undefined {
  if (offer === undefined || !isLive(status)) return undefined;
  return { campaign, device, generation, nonce: offer.nonce, expiresMs: offer.expiresMs };
}
