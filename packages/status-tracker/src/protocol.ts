/**
 * The messages between the two halves of the status tracker (RFC 9019 §2.3), and those that operators sign.
 * Every message carries its version. What changes a decision is signed by whom it is about: a device signs
 * what it says of itself, an operator signs a campaign, the tracker signs the receipt that may confirm a
 * trial.
 */

import type { Infer } from '@lapel/cbor';
import { array, bool, bytes, map, named, optional, required, text, uint } from '@lapel/cbor';
import { ComponentIdentifier } from '@lapel/suit';
import { DeviceId, identifier, nonce, sha256, version } from './protocol/parts.ts';
import { triggerBytesMax } from './protocol/consent.ts';
import { Spoken } from './protocol/registration.ts';
import { urgencies } from './protocol/rollout.ts';

export { DeviceId, protocolVersion } from './protocol/parts.ts';
export * from './protocol/registration.ts';
export * from './protocol/consent.ts';
export * from './protocol/rollout.ts';

/** With 8 in a device, four times what is needed; with names of 64 bytes, 32 still fit into a message. */
export const componentsMax = 32;
/** As many as a device has slots, and then some. */
export const refusedMax = 4;
export const envelopeBytesMax = 64 * 1024;

/** What any signed message but a report, and any answer but an offer with its envelope, may weigh. */
export const messageBytesMax = 16 * 1024;
export const offerBytesMax = envelopeBytesMax + 4 * 1024;
export const reportBytesMax = 64 * 1024;

export const mediaTypes = {
  cbor: 'application/cbor',
  /** RFC 9052 §11.3.1. */
  cose: 'application/cose',
  /** draft-ietf-suit-report-19 §9. */
  report: 'application/suit-report+cose',
} as const;

/** What a device is doing, in words that an operator can read as they stand. */
export const deviceStates = {
  idle: 1,
  fetching: 2,
  installing: 3,
  'awaiting-confirmation': 4,
  failed: 5,
  reverted: 6,
} as const;
export type DeviceState = keyof typeof deviceStates;

export const InstalledComponent = map({
  component: required(1, ComponentIdentifier),
  sequenceNumber: required(2, uint),
  manifestDigest: required(3, sha256),
  version: optional(4, text(64)),
  slot: optional(5, uint),
  /** SHA-256 of the image that runs, as the bootloader measured it at this start. */
  imageDigest: optional(6, sha256),
  imageBytes: optional(7, uint),
  /** Not confirmed yet: the next start may take it back. */
  onTrial: optional(8, bool),
});
export type InstalledComponent = Infer<typeof InstalledComponent>;

/** By what the bootloader held the image to be its manifest's: the author's signature, or its own MAC. */
export const bootVerifications = { signature: 1, mac: 2 } as const;
export type BootVerification = keyof typeof bootVerifications;

/** Whether what runs could be replaced, flash and all, by what ran before. */
export const rollbackProtections = { counter: 1, 'not-protected': 2 } as const;
export type RollbackProtection = keyof typeof rollbackProtections;

/** What the bootloader did not start at this start, and why. */
export const RefusedImage = map({ slot: required(1, uint), because: required(2, text(128)) });
export type RefusedImage = Infer<typeof RefusedImage>;

/**
 * What the device is and runs now; sent when something changed. `counter` rises within a session, so none
 * is told twice.
 */
export const CheckIn = map({
  version,
  device: required(2, DeviceId),
  /** The first bytes of the SHA-256 of the session's token. */
  session: required(3, bytes(8)),
  counter: required(4, uint),
  nonce: required(5, nonce),
  state: required(6, named('device state', deviceStates)),
  components: required(7, array(InstalledComponent, { max: componentsMax })),
  /** Bytes that the largest image for this device may have. */
  imageBytesMax: required(8, uint),
  /** The manifest on trial or in progress. */
  pending: optional(9, sha256),
  /** Why the bootloader chose what runs. */
  bootReason: optional(10, text(128)),
  /** SHA-256 of the bootloader, as the stage before it measured it. */
  loaderDigest: optional(11, sha256),
  bootVerified: optional(12, named('boot verification', bootVerifications)),
  rollbackProtection: optional(13, named('rollback protection', rollbackProtections)),
  refused: optional(14, array(RefusedImage, { max: refusedMax })),
  /** How long the last update interrupted the service: what was measured, and what was expected of it. */
  downtimeMs: optional(15, uint),
  expectedDowntimeMs: optional(16, uint),
  /** How busy its service is, in thousandths: what a server that decides for the device goes by. */
  serviceLoad: optional(17, uint),
  /** The newest release's sequence number, by the last word of an operator that the device believes. */
  newestSequenceNumber: optional(18, uint),
  /** Since when that word has run out: the device may be kept in the past. */
  frozenSinceMs: optional(19, uint),
  /** What is left in its battery, where it has one: in mWh, as manifests ask for it. */
  batteryMilliwattHours: optional(20, uint),
});
export type CheckIn = Infer<typeof CheckIn>;
/** What a device says of itself; the rest of a check-in is the client's own. */
export type CheckInState = Omit<CheckIn, 'version' | 'device' | 'session' | 'counter' | 'nonce'>;

/**
 * What a device core that has a line and no network tells whoever is at the other end. It is not signed: a
 * communicator decides by it whom to wake, and nobody believes it.
 */
export const CoreStatus = map({
  version,
  device: required(2, DeviceId),
  vendor: required(3, identifier),
  class: required(4, identifier),
  state: required(5, named('device state', deviceStates)),
  components: required(6, array(InstalledComponent, { max: componentsMax })),
});
export type CoreStatus = Infer<typeof CoreStatus>;

/**
 * The tracker's signed answer to a registration or a check-in; bound to its nonce, so that a trial may be
 * confirmed by it.
 */
export const Receipt = map({
  version,
  device: required(2, DeviceId),
  nonce: required(3, nonce),
  wallMs: required(4, uint),
  /** In answer to a registration: what to poll with. */
  token: optional(5, bytes(32)),
  /** The tracker wants to know what the device runs (RFC 9019 §9, "query firmware version"). */
  query: optional(6, bool),
  /** In answer to a registration with terms: what the two will speak. */
  spoken: optional(7, Spoken),
});
export type Receipt = Infer<typeof Receipt>;

/** What to install, by the digest of its manifest. Not signed: it can only name what an author has signed. */
export const Offer = map({
  version,
  campaign: required(2, identifier),
  generation: required(3, uint),
  /** Where the manifest is; relative to the tracker where it is relative. */
  uri: required(4, text(2048)),
  digest: required(5, sha256),
  /** Milliseconds since 1970. */
  expires: required(6, uint),
  /** The report repeats it. */
  nonce: required(7, nonce),
  /** The envelope itself, where the tracker pushes it (draft-zhu §3.3). */
  envelope: optional(8, bytes(1, envelopeBytesMax)),
  /** A device that names a time for it names none behind this one. */
  latest: optional(9, uint),
  urgency: optional(10, named('urgency', urgencies)),
  /** The order to go on with it now, signed by the tracker (`Trigger`). */
  trigger: optional(11, bytes(1, triggerBytesMax)),
  /** Of the campaign as its operator signed it, for a device that holds offers to that. */
  campaignDigest: optional(12, sha256),
});
export type Offer = Infer<typeof Offer>;

/** What a poll is answered where there is anything to say. */
export const PollAnswer = map({
  version,
  offer: optional(2, Offer),
  /** SHA-256 of the last signed word on which release is the newest (`NewestRelease`). */
  newest: optional(3, sha256),
});
export type PollAnswer = Infer<typeof PollAnswer>;
