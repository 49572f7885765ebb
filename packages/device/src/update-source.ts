/**
 * Where updates come from: a status tracker that offers them (RFC 9019 §9, second flow), or a firmware
 * server that is asked for the latest (first flow). The agent knows only this.
 */

import type { CheckInState } from '@lapel/status-tracker/protocol';
import type { SuitError } from '@lapel/suit';
import type { Clock, TransportError } from '@lapel/transport';
import type { OfferBinding } from './storage/slot-state.ts';

export type DeviceStatus = CheckInState;

/** An update that waits. */
export interface Candidate {
  /** Where the manifest is: relative payload references are resolved against it. */
  readonly uri: string;
  /** Where the same manifest is, too, with what it refers to: for whom the other place fails. */
  readonly otherUri?: string;
  /** SHA-256 of the manifest as the envelope's digest has it; absent where the envelope speaks for itself. */
  readonly digest?: Uint8Array;
  /** The envelope, where it came with the notice. */
  readonly envelope?: Uint8Array;
  readonly binding: OfferBinding;
  /** Who says when, where it is not the device alone that decides. */
  readonly consent?: Consent;
  /** Fires when it is no longer wanted, whatever has been done for it until then. */
  readonly signal?: AbortSignal;
}

/** How a candidate has ended for which the device does not restart. */
export type Outcome =
  | { readonly end: 'up-to-date' }
  | {
      readonly end: 'failed';
      readonly error: SuitError;
      /** What arrived is not what was signed. */
      readonly isWrongPayload: boolean;
    }
  | { readonly end: 'unobtainable'; readonly error: TransportError }
  /** The application, or what the manifest waits for, has asked for a better time. */
  | { readonly end: 'put-off' }
  | { readonly end: 'withdrawn' };

/**
 * `obey`: now, whatever the application says; what it must be told it is told all the same. `withdrawn`: no
 * longer wanted, or not by the device.
 */
export type Permission = 'go' | 'obey' | 'withdrawn';

export interface Consent {
  /** Asked when the manifest has been admitted, and nothing was written yet. */
  beforeFetch(waiting: Waiting): Promise<Permission>;
  /** Asked when all lies ready, before anything interrupts the service. */
  beforeInstall(waiting: Waiting): Promise<Permission>;
}

/** What there is to wait with. */
export interface Waiting {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly pollMs: number;
  readonly isIdle: () => Promise<boolean>;
  /** Tells how busy the service is, where that has changed since it was told. */
  readonly tellLoad: () => Promise<void>;
}

export interface UpdateSource {
  /**
   * Tells what the device is and runs. Resolves to whether a peer that proved who it is has answered this
   * very message: only that may confirm a trial (`tracker` policy).
   * @throws {TransportError}
   */
  announce(status: DeviceStatus, signal: AbortSignal): Promise<boolean>;
  /** What to install next, if anything is new. May wait for news. @throws {TransportError} */
  next(signal: AbortSignal): Promise<Candidate | undefined>;
  /** The last candidate could not be obtained for now: `next` names it again, if it is still wanted. */
  postpone(): void;
  /** Is told how the last candidate has ended, where it says more of that than a report does. */
  ended?(outcome: Outcome): void;
  /** Hands in a signed SUIT_Report. @throws {TransportError} */
  report(report: Uint8Array, signal: AbortSignal): Promise<void>;
}
