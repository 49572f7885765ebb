/**
 * The fleet as the tracker sees it: devices, their place in a campaign, and how a device stands to what a
 * campaign wants. Everything here is a value or a function from values to values; stores apply these
 * functions inside their transactions, so that no two stores can differ in what they decide.
 */
import { compareBytes } from '@lapel/cbor';
import type { ComponentIdentifier } from '@lapel/suit';
import type { Answer, Characteristics, CheckInState, Terms, UpdateMode } from '../protocol.ts';

/** An offer is out, and its end is not known. */
export const liveStatuses = ['offered', 'fetching', 'installing', 'awaiting-confirmation'] as const;
export type LiveStatus = (typeof liveStatuses)[number];

/** Where a device stands in a campaign that has made it an offer. */
export type DeviceStatus = LiveStatus | 'confirmed' | 'failed' | 'reverted' | 'given-up';

/**
 * Where an addressed device stands: `waiting` for its offer, `unfit` to have one, or `superseded` because
 * something newer runs there or is on its way. The last is no longer addressed.
 */
export type MemberStatus = DeviceStatus | 'waiting' | 'unfit' | 'superseded';

export const memberStatuses: readonly MemberStatus[] = [
  'waiting',
  ...liveStatuses,
  'confirmed',
  'failed',
  'reverted',
  'given-up',
  'unfit',
  'superseded',
];

/** A trial that expired is offered again at most three times: four offers in all. */
export const offersMax = 4;

/** `frozen`: it gets nothing until an operator decides. `retired`: it is of the fleet no more. */
export const approvals = ['pending', 'approved', 'frozen', 'retired'] as const;
export type Approval = (typeof approvals)[number];

/** Who did it, and when. */
export interface Act {
  readonly actor: string;
  readonly atMs: number;
}

export interface NewDevice {
  readonly id: string;
  readonly publicKey: Uint8Array;
  readonly kid: Uint8Array;
  readonly vendor: Uint8Array;
  readonly class: Uint8Array;
  readonly approval: Approval;
}

/** Who let a device in, where no operator did; `serial` is its certificate's, in hexadecimal. */
export type Admission =
  | { readonly by: 'token'; readonly name: string }
  | { readonly by: 'manufacturer'; readonly name: string; readonly serial: string };

/** What a device last said of itself, and when. */
export type Inventory = CheckInState & {
  readonly atMs: number;
  /** How what it measured contradicts the manifest that it names: evidence of tampering. */
  readonly suspicion?: string;
  /** The session in which a report has told what runs, since the last check-in that knew of it. */
  readonly reportedIn?: Uint8Array;
};

export interface Session {
  readonly tokenHash: Uint8Array;
  readonly startedMs: number;
  /** Of the last check-in; the next one's is higher. */
  readonly counter: number;
}

/** What a device said of itself as it registered. */
export interface Statement {
  readonly terms?: Terms;
  readonly characteristics?: Characteristics;
}

/** What a device said last to an offer, with its signature. */
export interface AnswerView {
  readonly answer: Answer;
  readonly atMs: number;
  readonly signed: Uint8Array;
}

/** Values by name, in the order of names. */
export type Tags = Readonly<Record<string, string>>;

export interface TagChange {
  readonly set: Tags;
  readonly remove: readonly string[];
}

export interface DeviceView {
  readonly id: string;
  /** COSE_Key, in its one encoding. */
  readonly publicKey: Uint8Array;
  readonly vendor: Uint8Array;
  readonly class: Uint8Array;
  readonly approval: Approval;
  readonly createdMs: number;
  readonly updateMode: UpdateMode;
  readonly admission?: Admission;
  readonly statement?: Statement;
  /** How often it has started, in its own words. */
  readonly starts?: number;
  readonly answer?: AnswerView;
  readonly session?: Session;
  readonly lastSeenMs?: number;
  readonly inventory?: Inventory;
  readonly lastError?: string;
  /** What operators call it by. */
  readonly tags?: Tags;
  /** In the campaign that last addressed it. */
  readonly member?: Member;
}

/** What is needed to believe what a device says. */
export type Speaker = Pick<
  DeviceView,
  'id' | 'publicKey' | 'vendor' | 'class' | 'approval' | 'session' | 'starts' | 'tags'
>;

/** A device in a campaign. */
export interface Member {
  readonly campaign: string;
  readonly device: string;
  readonly status: MemberStatus;
  /** Counts the offers to this device. */
  readonly generation: number;
  readonly changedMs: number;
  readonly because?: string;
  /** Nothing is offered to it before: its window opens then. */
  readonly notBeforeMs?: number;
  /** The last offer, where there was one. */
  readonly offer?: { readonly nonce: Uint8Array; readonly offeredMs: number; readonly expiresMs: number };
}

/** A member whose status a piece of evidence, a step or a newer campaign has changed. */
export interface Change {
  readonly campaign: string;
  readonly device: string;
  readonly from: MemberStatus;
  readonly to: MemberStatus;
  readonly atMs: number;
  readonly because?: string;
}

/**
 * How many members stand where. They are counters: a plan costs in proportion to what is due, not to the
 * fleet.
 */
export interface Totals {
  readonly waiting: number;
  readonly inFlight: number;
  readonly confirmed: number;
  readonly failed: number;
  /** Their trial expired; they may be offered the manifest again. */
  readonly reverted: number;
  readonly givenUp: number;
  readonly unfit: number;
}

/** A device that may have to be acted on now. */
export interface Due {
  readonly device: string;
  readonly status: LiveStatus | 'waiting' | 'reverted';
  readonly lastSeenMs: number;
  readonly offeredMs?: number;
  /** Its draw in the campaign. */
  readonly place?: number;
  /** IANA name. */
  readonly timeZone?: string;
}

/** All that the campaign addresses, those that an image does not fit included. */
export const addressed = (totals: Totals): number =>
  totals.waiting + totals.inFlight + finishedOf(totals) + totals.unfit;

/**
 * What the failure rate counts. A device that took an offer and fell silent is among them: that is what a
 * firmware that kills its device looks like from here.
 */
export const failedOf = ({ failed, reverted, givenUp }: Totals): number => failed + reverted + givenUp;

export const finishedOf = ({ confirmed, failed, reverted, givenUp }: Totals): number =>
  confirmed + failed + reverted + givenUp;

/** Totals out of one count per status. */
export function totalsOf(count: (status: MemberStatus) => number): Totals {
  return {
    waiting: count('waiting'),
    inFlight: liveStatuses.reduce((sum, status) => sum + count(status), 0),
    confirmed: count('confirmed'),
    failed: count('failed'),
    reverted: count('reverted'),
    givenUp: count('given-up'),
    unfit: count('unfit'),
  };
}

/** What a campaign wants a device to run. */
export interface Target {
  readonly digest: Uint8Array;
  readonly sequenceNumber: number;
  readonly imageBytes: number;
  readonly components: readonly ComponentIdentifier[];
}

export interface Standing {
  readonly status: 'waiting' | 'confirmed' | 'unfit' | 'superseded';
  readonly because?: string;
}

/** Why a device is out of a campaign that it does not match any more. */
export const otherDevices = 'the campaign is for other devices than it is now';

/** Why a device failed that has said so in a check-in, until its report tells the reason. */
export const toldByState = 'the device says so';

/**
 * Failures that say nothing against the manifest: what could not be fetched or written today may be
 * tomorrow. Every other failure is the device's lasting word on that manifest.
 */
export const passingFailures: readonly string[] = ['operation-failed', toldByState];

export const isLive = (status: MemberStatus): status is LiveStatus =>
  (liveStatuses as readonly MemberStatus[]).includes(status);

/** How a device that has no offer stands to a target. @param rejected why it refused this manifest before. */
export function standing(
  inventory: Inventory | undefined,
  target: Target,
  rejected: string | undefined,
): Standing {
  if (inventory === undefined) return { status: 'waiting' };
  const concerned = inventory.components.filter(({ component }) =>
    target.components.some((each) => sameComponent(each, component)),
  );
  if (runs(inventory, target)) return { status: 'confirmed', because: 'the device runs it already' };
  // What a device falls back to when a trial fails is not known before it does: nothing older is for it now.
  const isOnTrial = inventory.state === 'awaiting-confirmation';
  const newer = concerned.find(({ sequenceNumber }) =>
    isOnTrial ? sequenceNumber > target.sequenceNumber : sequenceNumber >= target.sequenceNumber,
  );
  if (newer !== undefined) {
    const does = isOnTrial ? 'tries' : 'runs';
    const because = `the device ${does} sequence number ${newer.sequenceNumber}`;
    return { status: 'superseded', because };
  }
  if (rejected !== undefined) {
    return { status: 'unfit', because: `the device has refused this manifest before: ${rejected}` };
  }
  if (target.imageBytes > inventory.imageBytesMax) {
    const room = `expected room for ${target.imageBytes} bytes, found ${inventory.imageBytesMax}`;
    return { status: 'unfit', because: `the image does not fit: ${room}` };
  }
  return { status: 'waiting' };
}

/**
 * Whether the device itself says that the target runs, beyond its trial, in every component that it has of
 * it.
 */
function runs(inventory: Inventory, { components, digest, sequenceNumber }: Target): boolean {
  if (inventory.state === 'awaiting-confirmation') return false;
  const concerned = inventory.components.filter(({ component }) =>
    components.some((each) => sameComponent(each, component)),
  );
  return (
    concerned.length > 0 &&
    concerned.every(
      (each) => compareBytes(each.manifestDigest, digest) === 0 && each.sequenceNumber === sequenceNumber,
    )
  );
}

export function changeOf(before: Member, after: Member): Change {
  const { campaign, device, because, changedMs: atMs } = after;
  const reason = because === undefined ? {} : { because };
  return { campaign, device, from: before.status, to: after.status, atMs, ...reason };
}

/** The device's own word, where it has given one. */
export const conditionOf = ({ approval, inventory }: DeviceView): string =>
  approval === 'approved' ? (inventory?.state ?? 'silent') : approval;

/** What a device runs, in the words of its own inventory; of several components, the one installed last. */
export function runningVersion(inventory: Inventory | undefined): string {
  const newest = inventory?.components.toSorted((a, b) => b.sequenceNumber - a.sequenceNumber)[0];
  if (newest === undefined) return 'unknown';
  return newest.version ?? `sequence number ${newest.sequenceNumber}`;
}

export const sameComponent = (a: ComponentIdentifier, b: ComponentIdentifier): boolean =>
  a.length === b.length && a.every((part, index) => compareBytes(part, b[index] ?? part) === 0);
