/**
 * What a campaign costs as the fleet grows, in SQLite: its creation, and one step of its plan. Neither may
 * grow with the fleet.
 */
import { plan } from '../src/index.ts';
import type { Figure } from '../../../tools/figure.ts';
import { c1, c2, newCampaign } from '../test/fleet-fixtures.ts';
import { startMs } from '../test/world.ts';
import { largeFleet } from './large-fleet.ts';

const sizes = [1_000, 10_000, 100_000, 1_000_000];
const [least = 0, , , most = 0] = sizes;
/** As the desk takes them at once. */
const firstJoinMax = 200;
/** Devices that are due in a fleet of any size; all others were not heard of for long. */
const due = 1_000;
const turns = 9;

export const figures: readonly Figure[] = [
  ...sizes.flatMap((devices): Figure[] => [
    {
      ...figure(`a campaign begins, ${devices} devices`, async () => (await measured(devices)).createMs),
      ...{ aim: '< 50', atMost: 50 },
    },
    figure(
      `one planning step, ${due} of ${devices} devices due`,
      async () => (await measured(devices)).planMs,
    ),
  ]),
  {
    room: 'status-tracker',
    name: `a campaign begins, ${most} devices`,
    unit: `× with ${least}`,
    aim: '≤ 3',
    atMost: 3,
    measure: async () => (await measured(most)).createMs / (await measured(least)).createMs,
  },
  {
    room: 'status-tracker',
    name: `one planning step with ${due} devices due, ${most} devices`,
    unit: `× with ${least}`,
    aim: '≤ 3',
    atMost: 3,
    measure: async () => (await measured(most)).planMs / (await measured(least)).planMs,
  },
];

function figure(name: string, measure: () => Promise<number>): Figure {
  return { room: 'status-tracker', name, unit: 'ms', measure };
}

const known = new Map<number, Promise<{ createMs: number; planMs: number }>>();

function measured(devices: number) {
  const found = known.get(devices) ?? measure(devices);
  known.set(devices, found);
  return found;
}

async function measure(devices: number) {
  const fleet = await largeFleet(devices, due);
  const { store } = fleet;
  try {
    const begun = await newCampaign('c2', 3);
    const started = performance.now();
    await store.addCampaign(begun);
    await store.join(c2, { limit: firstJoinMax }, startMs);
    const createMs = performance.now() - started;
    const { id, generation } = begun;
    await store.applySteps(id, generation, [{ do: 'halt', because: 'only begun' }], startMs);
    const view = await store.campaign(c1);
    if (view === undefined) throw new Error('expected the first campaign, found none');
    let planMs = Infinity;
    for (let turn = 0; turn < turns; turn++) {
      const planned = performance.now();
      const found = await store.due(c1, startMs + 1, due);
      plan(view, await store.totals(c1), found, startMs + 1);
      planMs = Math.min(planMs, performance.now() - planned);
      if (found.length < due) throw new Error(`expected ${due} devices due, found ${found.length}`);
    }
    return { createMs, planMs };
  } finally {
    await fleet.close();
  }
}
