/** What the modes are for: a vehicle, a configuration, a password that everybody knows. */

import type { Notice } from '@lapel/device';
import { decideUpdate } from '@lapel/device';
import { slowLink } from './modes-link.ts';
import type { Played } from './modes-play.ts';
import { finish, firstOf, hasLine, release } from './modes-play.ts';
import type { Stage } from './modes-world.ts';
import { hour, minute, modesWorld, second } from './modes-world.ts';

export async function vehicle(stage: Stage): Promise<Played> {
  const world = await modesWorld(stage);
  const { clock } = world;
  let isParked = false;
  let isPermitted = false;
  const ready = () => isParked && isPermitted;
  const decide = async (notice: Notice) =>
    decideUpdate({ ...notice, isIdle: ready() }, { deferMs: 5 * minute });
  const ecus = await Promise.all(
    ['engine', 'brakes', 'doors'].map((id) =>
      world.make({
        ...{ id, className: 'ecu', mode: 'negotiated', pollMs: 10 * second, imagePages: 12 },
        isIdle: async () => ready(),
        negotiation: { clock, decide, fetchesAhead: true },
        onInterruption: async () => (ready() ? 'go' : 'later'),
        link: slowLink({ clock, isUp: () => true, bytesPerSecond: () => (isParked ? 1000 : 30) }),
      }),
    ),
  );
  await release(world, 'ecu', { bytes: 24_001 });
  let keyCycles = 0;
  const drive = async (ms: number) => {
    keyCycles += 1;
    world.note(`vehicle: key cycle ${keyCycles}`);
    for (const ecu of ecus) ecu.switchOn();
    await world.run(world.clock.wallMs() + ms);
  };
  const stop = () => Promise.all(ecus.map((ecu) => ecu.switchOff()));
  for (let trip = 0; trip < 3; trip++) {
    await drive(10 * minute);
    await stop();
    await world.run(world.clock.wallMs() + hour);
  }
  const resumed = world.trace.filter(({ what }) => /payloads from [1-9]/.test(what)).length;
  const early = firstOf(world, /: restarting/);
  await drive(20 * minute);
  const staged = new Set(world.trace.filter(({ what }) => what.endsWith(': staged')).map(({ what }) => what))
    .size;
  isParked = true;
  await world.run(world.clock.wallMs() + 20 * minute);
  const unpermitted = firstOf(world, /: restarting/);
  isPermitted = true;
  await world.run(world.clock.wallMs() + 30 * minute);
  const ends = await Promise.all(ecus.map((ecu) => ecu.status()));
  return finish(world, [
    [
      `S3-28: what was fetched is kept from one key cycle to the next (${resumed} times)`,
      resumed >= ecus.length,
    ],
    ['S4-64: nothing is installed while it drives', early === undefined && staged === ecus.length],
    ['S4-64: nor parked, before its owner permits it', unpermitted === undefined],
    ['S3-31: then every ECU installs', ends.every((end) => end === 'confirmed')],
  ]);
}

export async function configuration(stage: Stage): Promise<Played> {
  const settings = [new TextEncoder().encode('configuration')];
  const world = await modesWorld(stage);
  const answers: string[] = [];
  const decide = (id: string) => async (notice: Notice) => {
    answers.push(`${id} ${notice.urgency}`);
    return decideUpdate({ ...notice, isIdle: true }, { deferMs: hour });
  };
  const make = (id: string, of = [Uint8Array.of(0)]) =>
    world.make({
      ...{ id, className: id, of, mode: 'negotiated', pollMs: 10 * second },
      negotiation: { clock: world.clock, decide: decide(id) },
    });
  const [box, app] = [await make('settings', settings), await make('application')];
  for (const each of [box, app]) each.switchOn();
  await world.run(world.at(10 * minute));
  const image = world.random.bytes(600);
  await world.publish({ image, sequence: 2, className: 'settings', of: settings });
  await world.rollOut('settings', 2);
  await release(world, 'application');
  await world.run(world.at(2 * hour));
  return finish(world, [
    ['S3-41: an update of the configuration alone is of low urgency', answers.includes('settings low')],
    ['S3-41: what is more than that is not', answers.includes('application normal')],
    ['S3-39: only the configuration is replaced, and confirmed', (await box.status()) === 'confirmed'],
    ['S3-39: so is the application', (await app.status()) === 'confirmed'],
  ]);
}

export async function password(stage: Stage): Promise<Played> {
  const world = await modesWorld(stage);
  const isNew = new Map<string, boolean>();
  const changed = new Set<string>();
  const over = new AbortController();
  const make = (id: string) =>
    world.make({
      ...{ id, className: 'camera', mode: 'client-initiated', pollMs: minute },
      onBoot: (decision) => isNew.set(id, decision.boot === 'slot' && decision.onTrial),
      // The new firmware does not count itself as working while everybody knows its password.
      async selfTest() {
        while (isNew.get(id) === true && !changed.has(id) && !over.signal.aborted) {
          await world.clock.sleep(minute);
        }
        return !over.signal.aborted;
      },
    });
  const [careful, careless] = [await make('careful'), await make('careless')];
  for (const each of [careful, careless]) each.switchOn();
  await world.run(world.at(hour));
  await release(world, 'camera');
  await world.run(world.at(2 * hour));
  const before = await careful.status();
  changed.add('careful');
  world.note('careful: the password is changed');
  await world.run(world.at(3 * hour));
  const after = await careful.status();
  await world.run(world.at(9 * hour));
  // Whoever is on trial once more would wait for ever.
  over.abort();
  return finish(world, [
    [
      'S4-64: with the default password the new firmware stays on trial',
      before === 'awaiting-confirmation' || before === 'installing',
    ],
    ['S4-64: it is confirmed when the password has been changed', after === 'confirmed'],
    [
      'S4-64: where nobody changes it, the device goes back, and the tracker knows',
      hasLine(world, /careless: reverted/) && (await careless.status()) !== 'confirmed',
    ],
  ]);
}
