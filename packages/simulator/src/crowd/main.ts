/** `npm run crowd`: a whole campaign for as many devices as you like, and its time to patch as a plot. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createMemoryStore, openSqliteInThread } from '@lapel/status-tracker';
import { runCrowdCampaign } from './campaign-run.ts';
import { curve, timeTo } from './curve.ts';

const usage = `npm run crowd -- [--devices N] [--seed S] [--in-flight N] [--store sqlite|memory]

Devices with keys of their own go through a campaign with the real protocol: registration, polls, manifests
proved, signed reports. Time is made; the work is not. The last line is JSON.
`;

const { values } = parseArgs({
  options: {
    devices: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    'in-flight': { type: 'string' },
    store: { type: 'string', default: 'sqlite' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const [devices, seed] = [Number(values.devices), Number(values.seed)];
const inFlightMax = Number(values['in-flight'] ?? devices);
const isUsable = [devices, seed, inFlightMax].every((each) => Number.isSafeInteger(each) && each > 0);
if (values.help) process.stdout.write(usage);
else if (isUsable && ['sqlite', 'memory'].includes(values.store)) await main();
else {
  process.stderr.write(`expected whole numbers above 0, and sqlite or memory, found others\n${usage}`);
  process.exitCode = 2;
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lapel-crowd-'));
  const store =
    values.store === 'memory'
      ? createMemoryStore()
      : await openSqliteInThread({ path: join(folder, 'fleet.sqlite') });
  const startedMs = performance.now();
  try {
    const onProgress = process.stderr.isTTY ? progress : undefined;
    const { patchedMs, state, polls } = await runCrowdCampaign({
      ...{ devices, seed, store, inFlightMax, pollMs: 3_600_000 },
      ...(onProgress === undefined ? {} : { onProgress }),
    });
    const seconds = Math.round((performance.now() - startedMs) / 100) / 10;
    console.log(curve(patchedMs, devices, { width: 64, height: 12 }));
    const [t50, t90, t99] = [0.5, 0.9, 0.99].map((share) => hours(timeTo(share, patchedMs, devices)));
    console.log(
      `\n50 % patched after ${t50} h, 90 % after ${t90} h, 99 % after ${t99} h; the campaign is ${state}`,
    );
    const peakMebibytes = Math.round(process.resourceUsage().maxRSS / 1024);
    console.log(
      JSON.stringify({
        devices,
        seed,
        confirmed: patchedMs.length,
        state,
        polls,
        t50,
        t90,
        t99,
        seconds,
        peakMebibytes,
      }),
    );
    process.exitCode = patchedMs.length === devices ? 0 : 1;
  } finally {
    await store.close();
    await rm(folder, { recursive: true });
  }
}

function hours(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms / 36_000) / 100;
}

function progress(confirmed: number, nowMs: number): void {
  if (confirmed % 500 !== 0) return;
  process.stderr.write(`\r${confirmed} of ${devices} patched, hour ${Math.floor(nowMs / 3_600_000)}   `);
}
