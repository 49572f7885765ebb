/**
 * What operators sign: a campaign with all that decides whom it reaches and when it stops, later orders,
 * approvals, and which release is the newest. Servers execute it, and can't widen it.
 */
import type { Infer } from '@lapel/cbor';
import { array, bytes, map, named, optional, required, text, uint } from '@lapel/cbor';
import { identifier, sha256, version } from './parts.ts';

const wavesMax = 16;

/** The most urgent first. */
export const urgencies = { critical: 1, high: 2, normal: 3, low: 4 } as const;
export type Urgency = keyof typeof urgencies;

/** Of the sequential test, in thousandths; the failure rate that is tolerated is the campaign's own. */
export const GateTerms = map({
  /** A failure rate that must be noticed. */
  bad: required(1, uint),
  /** How often a tolerable firmware may be halted. */
  falseHalt: required(2, uint),
  /** How often a bad one may pass into the next wave. */
  falseGo: required(3, uint),
});
export type GateTerms = Infer<typeof GateTerms>;

/** In the local time of each device. */
export const MaintenanceWindow = map({
  /** Bit 0 is Monday. */
  days: required(1, uint),
  /** Minutes since midnight. */
  opens: required(2, uint),
  /** Minutes. */
  lasts: required(3, uint),
});
export type MaintenanceWindow = Infer<typeof MaintenanceWindow>;

/** What an operator wants, signed by the operator; the tracker only executes it. */
export const Campaign = map({
  version,
  id: required(2, identifier),
  name: required(3, text(64)),
  manifestDigest: required(4, sha256),
  vendor: required(5, identifier),
  class: required(6, identifier),
  /** Cumulative shares of the addressed devices in thousandths, rising to 1000. */
  waves: required(7, array(uint, { min: 1, max: wavesMax })),
  inFlightMax: required(8, uint),
  /** Failed of finished devices, in thousandths: above it the campaign halts, or what a gate tolerates. */
  failureRateMax: required(9, uint),
  /** How long a device that took an offer may be silent before it is given up. */
  silenceMsMax: required(10, uint),
  created: required(11, uint),
  expires: required(12, uint),
  /** The one text of a query: which devices of the class are meant; all of them without it. */
  predicate: optional(13, text(1024)),
  gate: optional(14, GateTerms),
  /** How long each wave lasts at least, counted from the creation: devices hold the tracker to it. */
  soakMs: optional(15, uint),
  urgency: optional(16, named('urgency', urgencies)),
  window: optional(17, MaintenanceWindow),
  /** Offers a minute at most. */
  ratePerMinute: optional(18, uint),
  /** Operators that must approve it besides the one who signed it. */
  approvals: optional(19, uint),
  /** When all devices should be patched: what the campaign is measured against. */
  deadline: optional(20, uint),
});
export type Campaign = Infer<typeof Campaign>;

export const campaignOrders = { pause: 1, resume: 2, abort: 3, retry: 4 } as const;
export type OrderName = keyof typeof campaignOrders;

/** An operator's later word on a campaign; `number` rises with each, so none is obeyed twice. */
export const CampaignOrder = map({
  version,
  campaign: required(2, identifier),
  number: required(3, uint),
  order: required(4, named('order', campaignOrders)),
  created: required(5, uint),
});
export type CampaignOrder = Infer<typeof CampaignOrder>;

/** Another operator's consent to a campaign, to every byte of it. */
export const CampaignApproval = map({
  version,
  campaign: required(2, identifier),
  /** SHA-256 of the campaign as it was signed. */
  digest: required(3, sha256),
  created: required(4, uint),
});
export type CampaignApproval = Infer<typeof CampaignApproval>;

/** A word on the newest release that held longer would be no sign of life. */
export const newestMsMax = 92 * 24 * 3_600_000;

/**
 * Which release of a class is the newest, signed with an operator's key and renewed before it expires: who
 * is served old state for ever notices.
 */
export const NewestRelease = map({
  version,
  vendor: required(2, bytes(16)),
  class: required(3, identifier),
  manifestDigest: required(4, sha256),
  sequenceNumber: required(5, uint),
  created: required(6, uint),
  expires: required(7, uint),
});
export type NewestRelease = Infer<typeof NewestRelease>;
