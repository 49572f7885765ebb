/**
 * Who says when, where it is not the device alone: the answer of a device that negotiates, and the order of
 * a tracker that triggers (draft-zhu-suit-automatic-fu-arch §3.2, §3.3).
 */
import type { Infer } from '@lapel/cbor';
import { bool, bytes, map, named, optional, required, text, uint } from '@lapel/cbor';
import { DeviceId, nonce, version } from './parts.ts';

/** A COSE_Sign1 around less than a hundred bytes, with the longest signature that is in use: HSS-LMS. */
export const triggerBytesMax = 8 * 1024;

/** `refused`: no operator has signed what was offered, or not for this device, or not now. */
export const decisions = { now: 1, at: 2, declined: 3, refused: 4 } as const;
export type DecisionName = keyof typeof decisions;

/** Of a reason. */
export const becauseMax = 256;

/**
 * Signed by the device: whether it will have what it was offered, and when. `until` goes with `at` (not
 * before) and with `declined` (not to be asked again before).
 */
export const Answer = map({
  version,
  device: required(2, DeviceId),
  /** The first bytes of the SHA-256 of the session's token. */
  session: required(3, bytes(8)),
  /** Rises with each answer of a session. */
  counter: required(4, uint),
  /** The receipt repeats it. */
  nonce: required(5, nonce),
  /** Of the offer that it answers. */
  offer: required(6, nonce),
  decision: required(7, named('decision', decisions)),
  until: optional(8, uint),
  /** Why it refuses. */
  because: optional(9, text(becauseMax)),
});
export type Answer = Infer<typeof Answer>;

/**
 * Signed by the tracker: go on with this very offer, now. It is good for one session of one device, and its
 * number rises; so none is obeyed twice. A receipt has no session under key 4, and is never taken for one.
 */
export const Trigger = map({
  version,
  device: required(2, DeviceId),
  offer: required(3, nonce),
  session: required(4, bytes(8)),
  number: required(5, uint),
  /** Whatever the device has decided, as far as its registration allows that. */
  overrides: optional(6, bool),
});
export type Trigger = Infer<typeof Trigger>;
