/**
 * A device's life: bootloader, application, restart, and so on; with real bootloader, agent, journal and
 * slots.
 */

import type {
  BootDecision,
  Flash,
  Network,
  OnStep,
  Peers,
  Profile,
  TrustStore,
  UpdateSource,
} from '@lapel/device';
import { boot, readTrustStore, runAgent } from '@lapel/device';
import type { Clock, Random } from '@lapel/transport';

export type Running = Extract<BootDecision, { readonly boot: 'slot' }>;

/**
 * What the firmware in a slot does when it runs: `sound` passes its self-test, `sick` fails it, `hangs` in
 * it, `crashes` restarts before it has said anything.
 */
export type Behaviour = 'sound' | 'sick' | 'hangs' | 'crashes';

export interface SimulatedDevice {
  readonly flash: Flash;
  readonly profile: Profile;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly pollMs: number;
  /** The application's connection, made anew at each start. */
  readonly connect: (trust: TrustStore, running: Running) => UpdateSource;
  readonly behaviour: (running: Running) => Behaviour;
  /** Its links to other processors, made anew at each start. */
  readonly reach?: () => Peers;
  readonly onBoot?: (decision: BootDecision) => void;
  readonly onStep?: OnStep;
}

/** A device that restarts this often in a row, without ever looking for news twice, is stuck. */
const restartsMax = 32;

/** Lives until the signal fires, or until no slot verifies. */
export async function live(device: SimulatedDevice, signal: AbortSignal): Promise<BootDecision> {
  const { flash, profile, connect, behaviour, reach, onBoot, clock, pollMs } = device;
  for (let restarts = 0; restarts < restartsMax; restarts++) {
    const bootedMs = clock.monotonicMs();
    const decision = boot(flash, profile);
    onBoot?.(decision);
    const trust = readTrustStore(flash, profile.layout.trustStore);
    if (decision.boot === 'nothing' || trust === undefined) return decision;
    const how = behaviour(decision);
    if (how === 'crashes') continue;
    const { journal } = decision;
    try {
      const selfTest = () =>
        how === 'hangs' ? new Promise<never>(() => {}) : Promise.resolve(how === 'sound');
      const source = connect(trust, decision);
      const peers = reach === undefined ? {} : { peers: reach() };
      await runAgent({ ...device, ...peers, trust, journal, decision, source, selfTest }, signal);
    } catch (error) {
      if (signal.aborted && error === signal.reason) return decision;
      throw error;
    }
    if (clock.monotonicMs() - bootedMs >= pollMs) restarts = 0;
  }
  throw new Error(`expected the device to stay up, found ${restartsMax} restarts in a row`);
}
