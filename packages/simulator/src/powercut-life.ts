/** A device that lives a scenario until nothing new is to come; and is helped, where nothing boots. */

import { hex } from '@lapel/cbor';
import type { Booted, NothingBoots, UpdateSource } from '@lapel/device';
import { boot } from '@lapel/device';
import type { BootDecision, Flash } from '@lapel/device';
import { simulatedClock } from './clock.ts';
import type { SimulatedDevice } from './device-life.ts';
import { live } from './device-life.ts';
import type { NorFlash } from './flash.ts';
import { servedFromMemory } from './memory-payloads.ts';
import type { Release, Scenario } from './powercut-scenario.ts';
import { seededRandom } from './random.ts';
import { recoverOverLine } from './recovery-line.ts';

const origin = 'http://firmware.example';

/** A device that is offered updates this often will not finish them. */
const offersMax = 24;

/** A device that is helped this often will not stay up. */
const helpMax = 4;

/** Lets the device live until it finds nothing new; `onBoot` is told of each start. */
export async function settle(
  scenario: Scenario,
  flash: NorFlash,
  onBoot: (decision: BootDecision) => void,
): Promise<void> {
  const { profile, releases, offers, behaviour, brought, restarts = 0, wire, wrongPayloads } = scenario;
  const [first] = offers;
  const done = new AbortController();
  const images = releases.flatMap((release) => [...release.images.values()]);
  const payloads = servedFromMemory(images, wrongPayloads);
  const desk = offering(offers, () => done.abort(new Error('settled')));
  const wired: Flash = wire?.(flash) ?? flash;
  const device: SimulatedDevice = {
    flash: wired,
    profile,
    network: (asked) => (asked === origin ? payloads : undefined),
    clock: simulatedClock(),
    random: seededRandom(1),
    pollMs: 1000,
    behaviour: ({ running }) =>
      running.some(({ manifest }) => hex(manifest.digest.bytes) === first?.digest) ? behaviour : 'sound',
    onBoot,
    onStep: (step) => void (step === 'failed' && desk.next()),
    connect: (_, running) => desk.sourceFor(running),
  };
  for (let helped = 0; ; helped++) {
    const decision = await live(device, done.signal);
    if (decision.boot === 'slot') break;
    if (brought === undefined) {
      if (helped < restarts) continue;
      throw new Error(`expected a bootable image, found ${decision.reason}`);
    }
    if (helped === helpMax) throw new Error(`expected the device to stay up when helped ${helpMax} times`);
    bring(scenario, brought, wired, decision);
  }
  requireStable(scenario, flash, onBoot);
}

/**
 * Clean starts after anything: what is left to do is done at one of them, and never again. Where bits waver,
 * it may be a later one that finds it.
 */
const startsAfter = { steady: 2, wavering: 4 } as const;

function requireStable({ profile }: Scenario, flash: NorFlash, onBoot: (decision: BootDecision) => void) {
  const starts = flash.carried().unstable.size > 0 ? startsAfter.wavering : startsAfter.steady;
  let writing = 0;
  for (let start = 0; start < starts; start++) {
    const { operations } = flash;
    onBoot(boot(flash, profile));
    if (flash.operations !== operations) writing++;
  }
  if (writing > 1) throw new Error('expected a start that writes nothing, found one that does');
}

/** Offers one release after the other; the next one where the device will not have the one before. */
function offering(offers: readonly Release[], onEnd: () => void) {
  let [at, asked] = [0, 0];
  const source = (running: Booted): UpdateSource => ({
    announce: async () => true,
    report: async () => undefined,
    postpone: () => undefined,
    async next() {
      const runs = new Set(running.running.map(({ manifest }) => hex(manifest.digest.bytes)));
      while (runs.has(offers[at]?.digest ?? '')) at++;
      const release = offers[at];
      if (release === undefined) {
        if (!running.isRecovery) onEnd();
        return undefined;
      }
      if (++asked > offersMax) throw new Error(`expected the update to end within ${offersMax} offers`);
      return { uri: `${origin}/manifests/${release.digest}`, envelope: release.envelope, binding: {} };
    },
  });
  return { next: () => void at++, sourceFor: source };
}

/** Over a line that is none too good. */
function bring({ profile }: Scenario, firmware: Release, flash: Flash, nothing: NothingBoots): void {
  const faults = { random: seededRandom(1), lossShare: 0.02, repeatShare: 0.02, noiseShare: 0.02 };
  const ended = recoverOverLine({ flash, profile, nothing, firmware, faults });
  if (ended.is !== 'done') {
    const why = 'because' in ended ? `: ${ended.because}` : '';
    throw new Error(`expected the device to be recovered, found it ${ended.is}${why}`);
  }
}
