/**
 * The trust-anchor store (RFC 9019 §2.2, RFC 6024): who the device is, whom it believes, and how it
 * confirms. Written once by the trust provisioning authority, into two copies, before any update.
 */

import type { Infer } from '@lapel/cbor';
import {
  CborError,
  array,
  bytes,
  embedded,
  map,
  named,
  optional,
  raw,
  read,
  required,
  text,
  uint,
  write,
} from '@lapel/cbor';
import type { SigningKey, VerificationKey } from '@lapel/cose';
import { decodeDecryptionKey, decodeSigningKey, decodeVerificationKey } from '@lapel/cose';
import type { DecryptionKey, TrustAnchor } from '@lapel/suit';
import { ComponentIdentifier } from '@lapel/suit';
import { checksum } from '@lapel/transport/frame';
import type { Flash, Region } from './storage/flash.ts';
import { eraseRegion, padded } from './storage/flash.ts';
import { unlessFault } from './storage/slots.ts';

export const trustStoreVersion = 1;

const identifier = bytes(16);
const coseKey = embedded(raw);
const anchorsMax = 4;
const beginningsMax = 8;
/** One in use, and the next one. */
const decryptionKeysMax = 2;

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
  anchors: required(7, array(coseKey, { min: 1, max: anchorsMax })),
  trackerKey: optional(8, coseKey),
  confirmBy: required(9, named('confirm policy', confirmPolicies)),
  /** How often a trial is booted before it is given up. */
  attempts: required(10, uint),
  /** How long a booted trial may take to be confirmed, on the monotonic clock. */
  deadlineMs: required(11, uint),
  /**
   * For each anchor, in their order, what the components begin with that it may change (manifest-37 §9); the
   * empty beginning is that of all. Absent: each may change all.
   */
  permissions: optional(13, array(array(ComponentIdentifier, { max: beginningsMax }), { max: anchorsMax })),
  /** For what the bootloader says to itself; without it the signature is checked at every start. */
  bootSecret: optional(12, bytes(32)),
  /** For payloads that are encrypted: secrets that wrap, or private keys on P-256. */
  decryptionKeys: optional(14, array(coseKey, { min: 1, max: decryptionKeysMax })),
});
export type Provision = Infer<typeof Provision>;

export interface TrustStore {
  readonly device: string;
  readonly deviceKey: SigningKey;
  readonly vendor: Uint8Array;
  readonly class: Uint8Array;
  readonly deviceIdentifier: Uint8Array | undefined;
  readonly anchors: readonly TrustAnchor[];
  readonly trackerKey: VerificationKey | undefined;
  readonly confirmBy: ConfirmPolicy;
  readonly attempts: number;
  readonly deadlineMs: number;
  readonly bootSecret: Uint8Array | undefined;
  readonly decryptionKeys: readonly DecryptionKey[];
}

const headBytes = 8;

/**
 * Writes both copies; what stood there before is gone.
 * @throws {CoseError}, {RangeError} where the device could not live with it; then nothing is written.
 */
export function provision(flash: Flash, copies: readonly [Region, Region], content: Provision): void {
  const { attempts, trackerKey, confirmBy } = openProvision(content);
  if (attempts === 0) throw new RangeError('expected at least one attempt for each trial, found none');
  if (confirmBy === 'tracker' && trackerKey === undefined) {
    throw new RangeError('expected the key of the tracker that ends a trial, found none');
  }
  const encoded = write(Provision, content);
  const stored = new Uint8Array(headBytes + encoded.length);
  const view = new DataView(stored.buffer);
  view.setUint32(0, encoded.length);
  view.setUint32(4, checksum(encoded));
  stored.set(encoded, headBytes);
  const room = Math.min(copies[0].bytes, copies[1].bytes);
  if (stored.length > room) {
    throw new RangeError(`expected a trust store of at most ${room} bytes, found ${stored.length}`);
  }
  for (const copy of copies) {
    eraseRegion(flash, copy);
    flash.program(copy.address, padded(stored, copy.granuleBytes));
  }
}

/** The first sound copy; undefined on a device that nobody has provisioned, which accepts nothing (S4-85). */
export function readTrustStore(flash: Flash, copies: readonly [Region, Region]): TrustStore | undefined {
  for (const copy of copies) {
    const content = unlessFault(() => readCopy(flash, copy));
    if (content !== undefined) return openProvision(content);
  }
  return undefined;
}

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

/** The keys, ready for use. @throws {CoseError} where one of them is none. */
export function openProvision(content: Provision): TrustStore {
  const { device, vendor, class: deviceClass, confirmBy, attempts, deadlineMs } = content;
  return {
    device,
    vendor,
    class: deviceClass,
    confirmBy,
    attempts,
    deadlineMs,
    bootSecret: content.bootSecret,
    deviceKey: decodeSigningKey(content.deviceKey),
    deviceIdentifier: content.deviceIdentifier,
    decryptionKeys: (content.decryptionKeys ?? []).map(decodeDecryptionKey),
    anchors: anchorsOf(content),
    trackerKey: content.trackerKey === undefined ? undefined : decodeVerificationKey(content.trackerKey),
  };
}

function anchorsOf({ anchors, permissions }: Provision): readonly TrustAnchor[] {
  if (permissions !== undefined && permissions.length !== anchors.length) {
    const found = `expected permissions for ${anchors.length} trust anchors, found ${permissions.length}`;
    throw new RangeError(found);
  }
  return anchors.map((encoded, index) => {
    const key = decodeVerificationKey(encoded);
    const components = permissions?.[index];
    return components === undefined ? { key } : { key, permissions: { components } };
  });
}
