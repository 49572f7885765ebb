/** A device that lives a scenario until nothing new is to come; and is helped, where nothing boots. */

import type { Firmware, Flash, Network, NothingBoots } from '@lapel/device';
import { serverSource } from '@lapel/device';
import { simulatedClock } from './clock.ts';
import type { SimulatedDevice } from './device-life.ts';
import { live } from './device-life.ts';
import type { NorFlash } from './flash.ts';
import { readFlash } from './flash-reader.ts';
import type { Booted } from './powercut-judge.ts';
import { sha256 } from './powercut-judge.ts';
import type { Scenario } from './powercut-scenario.ts';
import { seededRandom } from './random.ts';
import { recoverOverLine } from './recovery-line.ts';

const origin = 'http://firmware.example';

/** A device that is offered the same update this often will not finish it. */
const offersMax = 12;

/** A device that is helped this often will not stay up. */
const helpMax = 4;

/** Lets the device live until it finds nothing new; `boots` is told of each start. */
export async function settle(scenario: Scenario, flash: NorFlash, boots: Booted[]): Promise<void> {
  const { profile, server, images, sequences, wire } = scenario;
  const done = new AbortController();
  const network: Network = (asked) => (asked === origin ? server : undefined);
  const newImage = sha256(images.get(sequences.new) ?? new Uint8Array());
  const imageIn = (slot: number) => readFlash(flash.dump(), profile.layout).slots[slot]?.image;
  let offers = 0;
  const device: SimulatedDevice = {
    flash: wire?.(flash) ?? flash,
    profile,
    network,
    clock: simulatedClock(),
    random: seededRandom(1),
    pollMs: 1000,
    behaviour: ({ slot }) => (imageIn(slot) === newImage ? scenario.behaviour : 'sound'),
    onBoot: (decision) => boots.push({ decision, flash: flash.dump() }),
    connect: (trust, { manifest }) => {
      const source = serverSource({
        handler: server,
        origin,
        vendor: trust.vendor,
        class: trust.class,
        running: manifest.digest.bytes,
        envelopeBytesMax: profile.limits.envelopeBytes,
      });
      return {
        ...source,
        async next(signal) {
          const candidate = await source.next(signal);
          const isOver = candidate === undefined || isRefused(scenario, flash);
          if (isOver) done.abort(new Error('settled'));
          else if (++offers > offersMax) {
            throw new Error(`expected the update to end within ${offersMax} offers, found more`);
          }
          return isOver ? undefined : candidate;
        },
      };
    },
  };
  for (let helped = 0; ; helped++) {
    const decision = await live(device, done.signal);
    if (decision.boot === 'slot' || scenario.brought === undefined) return;
    if (helped === helpMax) throw new Error(`expected the device to stay up when helped ${helpMax} times`);
    bring(scenario, scenario.brought, device.flash, decision);
  }
}

/** Over a line that is none too good. */
function bring({ profile }: Scenario, firmware: Firmware, flash: Flash, nothing: NothingBoots): void {
  const faults = { random: seededRandom(1), lossShare: 0.02, repeatShare: 0.02, noiseShare: 0.02 };
  const ended = recoverOverLine({ flash, profile, nothing, firmware, faults });
  if (ended.is !== 'done') throw new Error(`expected the device to be recovered, found it ${ended.is}`);
}

/** A firmware that did not prove itself is not tried again: then there is nothing more to come. */
const isRefused = ({ profile, behaviour }: Scenario, flash: NorFlash) =>
  behaviour !== 'sound' &&
  readFlash(flash.dump(), profile.layout).slots.some(({ state }) => state === 'unusable');
