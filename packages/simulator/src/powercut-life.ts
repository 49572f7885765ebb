/** A device that lives a scenario until nothing new is to come. */

import type { Network } from '@lapel/device';
import { serverSource } from '@lapel/device';
import { simulatedClock } from './clock.ts';
import { live } from './device-life.ts';
import type { NorFlash } from './flash.ts';
import { readFlash } from './flash-reader.ts';
import type { Booted } from './powercut-judge.ts';
import { sha256 } from './powercut-judge.ts';
import type { Scenario } from './powercut-scenario.ts';
import { seededRandom } from './random.ts';

const origin = 'http://firmware.example';

/** A device that is offered the same update this often will not finish it. */
const offersMax = 12;

/** Lets the device live until it finds nothing new; `boots` is told of each start. */
export async function settle(scenario: Scenario, flash: NorFlash, boots: Booted[]): Promise<void> {
  const { profile, server, images, sequences, wire } = scenario;
  const done = new AbortController();
  const network: Network = (asked) => (asked === origin ? server : undefined);
  const newImage = sha256(images.get(sequences.new) ?? new Uint8Array());
  const imageIn = (slot: number) => readFlash(flash.dump(), profile.layout).slots[slot]?.image;
  let offers = 0;
  await live(
    {
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
    },
    done.signal,
  );
}

/** A firmware that did not prove itself is not tried again: then there is nothing more to come. */
const isRefused = ({ profile, behaviour }: Scenario, flash: NorFlash) =>
  behaviour !== 'sound' &&
  readFlash(flash.dump(), profile.layout).slots.some(({ state }) => state === 'unusable');
