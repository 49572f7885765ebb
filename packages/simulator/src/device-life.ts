/**
 * A device's life: bootloader, application, restart, and so on; with real bootloader, agent, journal and
 * slots.
 */

import type {
  AgentOptions,
  BootDecision,
  Counter,
  Downtime,
  Flash,
  Interruption,
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
  readonly counter?: Counter;
  /** The application's answer; where there is one, what the restart took is measured. */
  readonly onInterruption?: NonNullable<AgentOptions['onInterruption']>;
  readonly isIdle?: () => Promise<boolean>;
  readonly serviceLoad?: () => number;
  /** Instead of what `behaviour` says of it. */
  readonly selfTest?: () => Promise<boolean>;
  /** Its links to other processors, made anew at each start. */
  readonly reach?: () => Peers;
  readonly onBoot?: (decision: BootDecision) => void;
  readonly onStep?: OnStep;
}

/** A device that restarts this often in a row, without ever looking for news twice, is stuck. */
const restartsMax = 32;

/** Lives until the signal fires, or until no slot verifies. */
export async function live(device: SimulatedDevice, signal: AbortSignal): Promise<BootDecision> {
  const { flash, profile, connect, behaviour, reach, onBoot, clock, pollMs, counter } = device;
  const outage = outageOf(device);
  for (let restarts = 0; restarts < restartsMax; restarts++) {
    const bootedMs = clock.monotonicMs();
    const decision = boot(flash, profile, counter);
    onBoot?.(decision);
    const trust = readTrustStore(flash, profile.layout.trustStore);
    if (decision.boot === 'nothing' || trust === undefined) return decision;
    const how = behaviour(decision);
    if (how === 'crashes') continue;
    const { journal } = decision;
    const downtime = decision.isRecovery ? undefined : outage.end();
    try {
      const {
        selfTest = () => (how === 'hangs' ? new Promise<never>(() => {}) : Promise.resolve(how === 'sound')),
      } = device;
      const source = connect(trust, decision);
      const peers = reach === undefined ? {} : { peers: reach() };
      const found = { ...peers, trust, journal, decision, source, selfTest };
      const agent: AgentOptions = { ...device, ...outage.hook, ...found };
      await runAgent(downtime === undefined ? agent : { ...agent, downtime }, signal);
    } catch (error) {
      if (signal.aborted && error === signal.reason) return decision;
      throw error;
    }
    if (clock.monotonicMs() - bootedMs >= pollMs) restarts = 0;
  }
  throw new Error(`expected the device to stay up, found ${restartsMax} restarts in a row`);
}

/** From the application's leave to the next one that is no stand-in. */
function outageOf({ clock, onInterruption }: SimulatedDevice) {
  let begun: { readonly atMs: number; readonly expectedMs: number } | undefined;
  const ask = async (notice: Interruption) => {
    const answer = await onInterruption?.(notice);
    if (answer === 'later') return answer;
    begun ??= { atMs: clock.monotonicMs(), expectedMs: notice.expectedMs };
    return 'go';
  };
  return {
    hook: onInterruption === undefined ? {} : { onInterruption: ask },
    end(): Downtime | undefined {
      if (begun === undefined) return undefined;
      const { atMs, expectedMs } = begun;
      begun = undefined;
      return { expectedMs, measuredMs: clock.monotonicMs() - atMs };
    },
  };
}
