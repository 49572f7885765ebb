/**
 * What a campaign costs as the fleet grows, in SQLite: its creation, and one step of its plan. Neither may
 * grow with the fleet.
 */
import { createSqliteStore, plan } from '../src/index.ts';
import type { FleetStore } from '../src/index.ts';
import type { Figure } from '../../../tools/figure.ts';
import { by, c1, evidence, inventory, newCampaign, newDevice, tokenHash } from '../test/fleet-fixtures.ts';
import { startMs } from '../test/world.ts';

const sizes = [1_000, 10_000, 100_000];
const [least = 0, , most = 0] = sizes;
/** As the desk takes them at once. */
const firstJoinMax = 200;
/** Offers that one round makes, and rows that are written at once. */
const batch = 1_000;
const turns = 9;

export const figures: readonly Figure[] = [
  ...sizes.flatMap((devices): Figure[] => [
    figure(`a campaign begins, ${devices} devices`, async () => (await measured(devices)).createMs),
    figure(`one planning step, ${devices} devices`, async () => (await measured(devices)).planMs),
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
    name: `one planning step with ${batch} devices due, ${most} devices`,
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
  const store = createSqliteStore({ path: ':memory:' });
  try {
    await fill(store, devices);
    const view = await newCampaign('c1');
    const started = performance.now();
    await store.addCampaign(view);
    await store.join(c1, { limit: firstJoinMax }, startMs);
    const createMs = performance.now() - started;
    let after: string | undefined;
    do after = await store.join(c1, { limit: batch, ...(after === undefined ? {} : { after }) }, startMs);
    while (after !== undefined);
    let planMs = Infinity;
    for (let turn = 0; turn < turns; turn++) {
      const planned = performance.now();
      plan(view, await store.totals(c1), await store.due(c1, startMs + 1, batch), startMs + 1);
      planMs = Math.min(planMs, performance.now() - planned);
    }
    return { createMs, planMs };
  } finally {
    await store.close();
  }
}

/** All of them have registered and told what they run. */
async function fill(store: FleetStore, devices: number): Promise<void> {
  const template = newDevice('template');
  for (let start = 0; start < devices; start += batch) {
    const ids = Array.from({ length: batch }, (_, index) => `lamp-${String(start + index).padStart(7, '0')}`);
    const added = ids.map((id, index) => {
      const kid = new Uint8Array(32);
      new DataView(kid.buffer).setUint32(0, start + index + 1);
      return { ...template, id, kid };
    });
    await store.addDevices(added, by);
    const session = { tokenHash, updateMode: 'client-initiated', atMs: startMs } as const;
    await store.startSessions(ids.map((device) => ({ device, ...session })));
    await store.recordCheckIns(
      ids.map((device) => ({ device, counter: 1, inventory: inventory(), signed: evidence() })),
    );
  }
}
