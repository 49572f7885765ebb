/**
 * What the application and its board know of the world that a manifest may ask for
 * (draft-ietf-suit-update-management-14). All of it is optional: what nobody answers does not hold, and the
 * update that asks for it is refused, with the reason.
 */

import type { Version } from '@lapel/suit';

export interface Conditions {
  /** What is left in the battery, in mWh (§4.2). */
  readonly batteryMilliwattHours?: () => Promise<number>;
  /**
   * May an update of this priority be done (§4.3)? The smaller, the more urgent. `later`: it is put off, and
   * asked for again. Without an application that answers, nothing that asks is allowed.
   */
  readonly authorize?: (priority: number) => Promise<'yes' | 'no' | 'later'>;
  /** Is the board in this state of power, or of the network? What states there are, a deployment says. */
  readonly isPower?: (state: number) => Promise<boolean>;
  readonly isNetwork?: (state: number) => Promise<boolean>;
  /** The version of another device, whose name a deployment gives; undefined while nobody knows it. */
  readonly otherDeviceVersion?: (device: Uint8Array) => Promise<Version | undefined>;
  /** How far the local time is ahead of UTC then, daylight saving included: without it there is none. */
  readonly localOffsetMs?: (utcMs: number) => number;
  /** How long the agent waits for events, at most. Then the update is put off. */
  readonly waitMsMax?: number;
}
