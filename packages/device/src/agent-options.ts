/** What an agent lives on: flash and journal, what was booted, where updates come from, time and chance. */

import type { Clock, Random } from '@lapel/transport';
import type { Counter } from './hardware.ts';
import type { Watchdog } from './watchdog.ts';
import type { Booted } from './bootloader/boot.ts';
import type { Conditions } from './conditions.ts';
import type { Network } from './firmware-consumer/fetch.ts';
import type { Peers } from './peer/link.ts';
import type { Profile } from './profile.ts';
import type { OnStep } from './step.ts';
import type { Flash } from './storage/flash.ts';
import type { Journal } from './storage/journal.ts';
import type { TrustStore } from './trust-store.ts';
import type { UpdateSource } from './update-source.ts';

export interface AgentOptions {
  readonly flash: Flash;
  readonly profile: Profile;
  readonly trust: TrustStore;
  readonly journal: Journal;
  /** What the bootloader jumped to: this application. */
  readonly decision: Booted;
  readonly source: UpdateSource;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  /** Between two looks for news, on average. */
  readonly pollMs: number;
  /** The firmware's own opinion of itself, asked once in a trial. */
  readonly selfTest: () => Promise<boolean>;
  /** Where the board has one: it restarts a device whose application hangs. */
  readonly watchdog?: Watchdog;
  readonly counter?: Counter;
  /** Processors that keep components of their own, by the component's name; absent where there is none. */
  readonly peers?: Peers;
  /** What a manifest may ask of the world; what is absent does not hold. */
  readonly conditions?: Conditions;
  /** Whether an interruption would disturb nobody now; without it, it never would. */
  readonly isIdle?: () => Promise<boolean>;
  /** How busy its service is, in thousandths: for a server that decides when it is updated. */
  readonly serviceLoad?: () => number;
  /** Asked before a restart: the application may put its service in order, or ask for a better time. */
  readonly onInterruption?: (notice: Interruption) => Promise<'go' | 'later'>;
  /**
   * How long the restart that an update asked for took the service away, on a clock that runs through
   * restarts; absent where none does, or nothing was updated.
   */
  readonly downtime?: Downtime;
  readonly onStep?: OnStep;
}

export interface Downtime {
  readonly expectedMs: number;
  readonly measuredMs: number;
}

export interface Interruption {
  /** How long the service is expected to be away. */
  readonly expectedMs: number;
}
