/**
 * The trust-anchor store (RFC 9019 §2.2, RFC 6024): who the device is, whom it believes, and how it
 * confirms. Written by the trust provisioning authority, into two copies, before any update; afterwards only
 * by signed orders about its trust anchors (`trust-order.ts`).
 */

import type { Infer } from '@lapel/cbor';
import {
  CborError,
  array,
  bool,
  bytes,
  embedded,
  map,
  named,
  optional,
  raw,
  read,
  required,
  text,
  tuple,
  uint,
  write,
} from '@lapel/cbor';
import type { SigningKey, VerificationKey } from '@lapel/cose';
import { SharedSecret, decodeDecryptionKey, decodeSigningKey, decodeVerificationKey } from '@lapel/cose';
import type { DecryptionKey, Policy, Requirement, TrustAnchor } from '@lapel/suit';
import { strict } from '@lapel/suit';
import { checksum } from '@lapel/transport/frame';
import type { Flash, Region } from './storage/flash.ts';
import { eraseRegion, padded } from './storage/flash.ts';
import { unlessFault } from './storage/slots.ts';
import { Anchors, standingOf } from './trust-anchors.ts';

export const trustStoreVersion = 1;

const identifier = bytes(16);
const coseKey = embedded(raw);
/** One in use, and the next one. */
const decryptionKeysMax = 2;

/** How many of which group must vouch for a manifest. */
const Required = map({ count: required(1, uint), group: optional(2, text(32)) });
const requirementsMax = 4;

/**
 * Whose word ends a trial: `tracker`, the status tracker's signed receipt; `self-test`, the firmware's own,
 * for devices without a tracker.
 */
export const confirmPolicies = { tracker: 1, 'self-test': 2 } as const;
export type ConfirmPolicy = keyof typeof confirmPolicies;

export const Provision = map({
  version: required(1, uint),
  device: required(2, text(64)),
  /** The device's own key, for registrations and reports. */
  deviceKey: required(3, coseKey),
  vendor: required(4, identifier),
  class: required(5, identifier),
  deviceIdentifier: optional(6, identifier),
  anchors: required(7, Anchors),
  trackerKey: optional(8, coseKey),
  confirmBy: required(9, named('confirm policy', confirmPolicies)),
  /** How often a trial is booted before it is given up. */
  attempts: required(10, uint),
  /** How long a booted trial may take to be confirmed, on the monotonic clock. */
  deadlineMs: required(11, uint),
  /** For what the bootloader says to itself; without it the signature is checked at every start. */
  bootSecret: optional(12, bytes(32)),
  /** For payloads that are encrypted: secrets that wrap, or private keys on P-256. */
  decryptionKeys: optional(14, array(coseKey, { min: 1, max: decryptionKeysMax })),
  /** Who all must vouch for a manifest, to be installed and to be booted; any one anchor where absent. */
  required: optional(15, array(Required, { min: 1, max: requirementsMax })),
  /** Sequence number and SHA-256 of the last order about anchors that was followed. */
  order: optional(16, tuple(uint, bytes(32))),
  /** It follows no offer that an operator has not signed: a trust anchor of the group `operator`. */
  holdsToOperators: optional(17, bool),
  /** What it shares with its servers, to speak under OSCORE. */
  channel: optional(18, SharedSecret),
});
export type Provision = Infer<typeof Provision>;

export interface TrustStore {
  readonly device: string;
  readonly deviceKey: SigningKey;
  readonly vendor: Uint8Array;
  readonly class: Uint8Array;
  readonly deviceIdentifier: Uint8Array | undefined;
  /** Who may vouch for something new. */
  readonly anchors: readonly TrustAnchor[];
  /** Whose campaigns it follows, where it holds its tracker to them. */
  readonly operators: readonly VerificationKey[];
  readonly holdsToOperators: boolean;
  /** Who may vouch for what is installed already: those, and whoever has retired. */
  readonly bootAnchors: readonly TrustAnchor[];
  /** How many of which group it takes; any one of them where empty. */
  readonly required: readonly Requirement[];
  /** As it is kept. */
  readonly content: Provision;
  readonly trackerKey: VerificationKey | undefined;
  readonly confirmBy: ConfirmPolicy;
  readonly attempts: number;
  readonly deadlineMs: number;
  readonly bootSecret: Uint8Array | undefined;
  readonly channel: SharedSecret | undefined;
  readonly decryptionKeys: readonly DecryptionKey[];
}

const headBytes = 8;

/** @throws {RangeError} where it does not fit; nothing has been written. */
export function encodeCopy(copies: readonly [Region, Region], content: Provision): Uint8Array {
  const encoded = write(Provision, content);
  const stored = new Uint8Array(headBytes + encoded.length);
  const view = new DataView(stored.buffer);
  view.setUint32(0, encoded.length);
  view.setUint32(4, checksum(encoded));
  stored.set(encoded, headBytes);
  const room = Math.min(copies[0].bytes, copies[1].bytes);
  if (stored.length <= room) return stored;
  throw new RangeError(`expected a trust store of at most ${room} bytes, found ${stored.length}`);
}

export function writeCopy(flash: Flash, copy: Region, stored: Uint8Array): void {
  eraseRegion(flash, copy);
  flash.program(copy.address, padded(stored, copy.granuleBytes));
}

/**
 * The newest sound copy; undefined on a device that nobody has provisioned, which accepts nothing (S4-85).
 */
export function readTrustStore(flash: Flash, copies: readonly [Region, Region]): TrustStore | undefined {
  const [first, second] = copies.map((copy) => readSound(flash, copy));
  if (first === undefined || second === undefined) return opened(first ?? second);
  return opened(orderNumberIn(second) > orderNumberIn(first) ? second : first);
}

const opened = (content: Provision | undefined) =>
  content === undefined ? undefined : openProvision(content);

export const orderNumberIn = ({ order }: Pick<Provision, 'order'>): number => order?.[0] ?? 0;

/** What one copy holds, where it is sound. */
export const readSound = (flash: Flash, copy: Region): Provision | undefined =>
  unlessFault(() => readCopy(flash, copy));

function readCopy(flash: Flash, copy: Region): Provision | undefined {
  const head = flash.read(copy.address, headBytes);
  const view = new DataView(head.buffer, head.byteOffset, headBytes);
  const length = view.getUint32(0);
  if (length > copy.bytes - headBytes) return undefined;
  const encoded = flash.read(copy.address + headBytes, length);
  if (view.getUint32(4) !== checksum(encoded)) return undefined;
  try {
    const content = read(Provision, encoded);
    return content.version === trustStoreVersion ? content : undefined;
  } catch (error) {
    if (error instanceof CborError) return undefined;
    throw error;
  }
}

/** Of trust anchors whose campaigns are followed. */
export const operatorGroup = 'operator';

/** A key that may touch no component signs campaigns, and vouches for no manifest. */
const mayTouch = ({ permissions }: TrustAnchor): boolean => permissions?.components.length !== 0;

/** The keys, ready for use. @throws {CoseError} where one of them is none. */
export function openProvision(content: Provision): TrustStore {
  const { device, vendor, confirmBy, attempts, deadlineMs } = content;
  const standing = standingOf(content.anchors);
  const vouching = standing.filter(({ anchor }) => mayTouch(anchor));
  return {
    content,
    anchors: vouching.filter(({ state }) => state === 'install').map(({ anchor }) => anchor),
    bootAnchors: vouching.filter(({ state }) => state !== 'revoked').map(({ anchor }) => anchor),
    operators: standing
      .filter(({ state, ruled }) => state === 'install' && ruled.group === operatorGroup)
      .map(({ key }) => key),
    holdsToOperators: content.holdsToOperators ?? false,
    required: content.required ?? [],
    ...{ device, vendor, class: content.class },
    ...{ confirmBy, attempts, deadlineMs },
    bootSecret: content.bootSecret,
    channel: content.channel,
    deviceKey: decodeSigningKey(content.deviceKey),
    deviceIdentifier: content.deviceIdentifier,
    decryptionKeys: (content.decryptionKeys ?? []).map(decodeDecryptionKey),
    trackerKey: content.trackerKey === undefined ? undefined : decodeVerificationKey(content.trackerKey),
  };
}

/** What a kind of device leaves to choice, and who must vouch on this one. */
export const policyOf = (
  { policy = strict }: { readonly policy?: Policy },
  { required: needed }: Pick<TrustStore, 'required'>,
): Policy => (needed.length === 0 ? policy : { ...policy, required: needed });
