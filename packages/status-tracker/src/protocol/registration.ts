/**
 * How a device joins the fleet: proof that it holds its key, what it is, and how it wants to be updated. All
 * of that lasts until it registers again (draft-zhu-suit-automatic-fu-arch §4-6).
 */
import type { Infer } from '@lapel/cbor';
import { array, bool, bytes, embedded, map, named, optional, raw, required, text, uint } from '@lapel/cbor';
import { DeviceId, identifier, nonce, version } from './parts.ts';

/** draft-zhu-suit-automatic-fu-arch §3: chosen at registration. */
export const updateModes = { 'client-initiated': 1, 'server-initiated': 2, negotiated: 3 } as const;
export type UpdateMode = keyof typeof updateModes;

export const transportNames = { http: 1, coap: 2 } as const;
export type TransportName = keyof typeof transportNames;

/** `windows`: now and then, for a while. `queue`: whenever it likes; what is for it waits until then. */
export const reachabilities = { always: 1, windows: 2, queue: 3 } as const;
export type Reachability = keyof typeof reachabilities;

const transportsMax = 4;
const formatsMax = 8;

/** How the device can be reached, and what it reads. */
export const Terms = map({
  transports: required(1, array(named('transport', transportNames), { min: 1, max: transportsMax })),
  /** Values of suit-manifest-version that it reads. */
  manifestVersions: required(2, array(uint, { min: 1, max: formatsMax })),
  reachability: required(3, named('reachability', reachabilities)),
  /** Of windows: how long each lasts, and how long it is from one to the next. */
  reachableMs: optional(4, uint),
  everyMs: optional(5, uint),
  /** An IANA name, such as `Europe/Berlin`; a device without one lives in UTC. */
  timeZone: optional(6, text(64)),
  /** The server may decide when an urgent update is installed, though the mode leaves that to the device. */
  mayOverride: optional(7, bool),
  /** It holds the tracker to what operators have signed: campaigns, and which release is the newest. */
  holdsToOperators: optional(8, bool),
});
export type Terms = Infer<typeof Terms>;

/** Of what the device has stated, what the tracker speaks, too; the first of each is what it goes by. */
export const Spoken = map({
  transports: required(1, array(named('transport', transportNames), { min: 1, max: transportsMax })),
  manifestVersions: required(2, array(uint, { min: 1, max: formatsMax })),
});
export type Spoken = Infer<typeof Spoken>;

/** What the device is made of (RFC 9019 §2.3): what it runs stands in its check-ins. */
export const Characteristics = map({
  hardware: required(1, text(128)),
  freeMemoryBytes: required(2, uint),
  freeFlashBytes: required(3, uint),
  /** SUIT_Capability_Report (draft-ietf-suit-report-19 §6). */
  capabilities: optional(4, embedded(raw)),
});
export type Characteristics = Infer<typeof Characteristics>;

const certificatesMax = 3;
const certificateBytesMax = 4096;

/**
 * Proof of possession: signed with the key that it carries, over a challenge of the tracker's. A device
 * registers each time it starts; the token of the receipt replaces the one before.
 */
export const Registration = map({
  version,
  device: required(2, DeviceId),
  challenge: required(3, bytes(16, 64)),
  /** COSE_Key. */
  key: required(4, embedded(raw)),
  vendor: required(5, identifier),
  class: required(6, identifier),
  updateMode: required(7, named('update mode', updateModes)),
  nonce: required(8, nonce),
  terms: optional(9, Terms),
  characteristics: optional(10, Characteristics),
  /** What a device of a known class is admitted by at first contact. */
  enrolmentToken: optional(11, bytes(32)),
  /** The same by its manufacturer: X.509 in DER, the one of the device's key first. */
  certificates: optional(12, array(bytes(1, certificateBytesMax), { min: 1, max: certificatesMax })),
  /** How often it has started, where it keeps count: a count that goes back is a copy's. */
  starts: optional(13, uint),
});
export type Registration = Infer<typeof Registration>;
