/** Device cores on lines and communicators before them, in the world of the update modes. */

import { runningVersion } from '@lapel/status-tracker';
import type { Communicator } from '@lapel/gateway/communicator';
import { createCommunicator } from '@lapel/gateway/communicator';
import type { Handler } from '@lapel/transport';
import { onRadio, streamTimings } from '@lapel/transport/stream';
import type { CoreLinePlan, SimulatedCoreLine } from '../src/core-line.ts';
import { coreLine } from '../src/core-line.ts';
import { onBug } from '../src/flow-parties.ts';
import type { DeviceMaking, ModesDevice } from '../src/modes-device.ts';
import type { ModesWorld } from '../src/modes-world.ts';
import { second } from '../src/modes-world.ts';
import type { NarrowLineOptions } from '../src/narrow-line.ts';
import { narrowLine } from '../src/narrow-line.ts';

type Kind = Pick<CoreLinePlan, 'timing' | 'made'> & Pick<NarrowLineOptions, 'bytesMax' | 'delayMs' | 'loss'>;

const serial: Kind = { timing: streamTimings.line, bytesMax: 240, delayMs: [5, 5], loss: 0.01 };
export const nearby: Kind = {
  ...{ timing: streamTimings.nearby, bytesMax: 20, delayMs: [8, 30], loss: 0.02 },
  made: onRadio,
};

export interface Core {
  readonly device: ModesDevice;
  readonly link: SimulatedCoreLine;
}

export async function makeCore(
  world: ModesWorld,
  id: string,
  className = 'lamp',
  hooks: Pick<DeviceMaking, 'onStep' | 'onBoot'> = {},
  kind: Kind = serial,
): Promise<Core> {
  const random = world.random.fork(`line of ${id}`);
  const line = narrowLine({ ...kind, clock: world.clock, random });
  const link = coreLine({ ...kind, name: `line of ${id}`, line, clock: world.clock, random });
  const device = await world.make({
    ...{ id, className, mode: 'client-initiated', pollMs: second },
    link: () => link.link,
    behind: link.behind,
    ...hooks,
  });
  return { device, link };
}

export function communicator(
  world: ModesWorld,
  cores: readonly Core[],
  upstream: Handler = world.served,
): Communicator {
  return createCommunicator({
    lines: cores.map(({ link }) => link.line),
    upstream,
    ...{ clock: world.clock, random: world.random, pollMs: 10 * second, onBug },
  });
}

export async function versionOf(world: ModesWorld, id: string): Promise<string | undefined> {
  return runningVersion((await world.tracker.desk.device(id)).device.inventory);
}

/** Switches everything on for as long as it takes, and off again. */
export async function living(
  world: ModesWorld,
  between: Communicator | readonly Communicator[],
  cores: readonly Core[],
  act: () => Promise<void>,
): Promise<void> {
  const off = new AbortController();
  const all = [between].flat();
  const running = all.map((each) => each.run(off.signal).catch(() => undefined));
  for (const { device } of cores) device.switchOn();
  await act();
  off.abort(new Error('over'));
  for (const each of all) each.close();
  await Promise.all(running);
  await world.end();
}
