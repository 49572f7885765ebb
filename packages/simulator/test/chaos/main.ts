/** `npm run chaos`: the fleet under faults, as a command. Exits 0 when nothing was contradicted. */

import { parseArgs } from 'node:util';
import { systemClock } from '@lapel/transport';
import { missingPostgres, startPostgres } from '../../../../tools/postgres-server.ts';
import type { ChaosOptions, ChaosOutcome } from '../../src/chaos/chaos.ts';
import { runChaos } from '../../src/chaos/chaos.ts';

const usage = `npm run chaos -- [--store sqlite|postgres|both] [--seed S] [--seconds N] [--devices N]

Trackers are killed, frozen, given another clock and a full disk while devices update and operators decide;
over PostgreSQL two share a database, which crashes, too. Messages come again, late and out of order, old
offers and orders return, and strangers register by the thousand. Each store has so many seconds. The last
line is JSON; it exits with 1 on a finding.
The seed decides what goes wrong and when; processes of their own decide how far each has come by then.
`;

const stores = ['sqlite', 'postgres'] as const;
type Store = (typeof stores)[number];

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'both' },
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '60' },
    devices: { type: 'string', default: '30' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const chosen = stores.filter((each) => values.store === each || values.store === 'both');
if (values.help) process.stdout.write(usage);
else await main(chosen, Number(values.seed), Number(values.seconds), Number(values.devices));

async function main(on: readonly Store[], seed: number, seconds: number, devices: number): Promise<void> {
  const numbers = [seed, seconds, devices];
  if (!numbers.every((each) => Number.isSafeInteger(each) && each >= 0) || devices === 0 || on.length === 0) {
    process.stderr.write(`expected whole numbers and a store, found others\n${usage}`);
    process.exitCode = 2;
    return;
  }
  if (values.store === 'postgres' && missingPostgres !== false) throw new Error(missingPostgres);
  const told: Record<string, object> = {};
  let findings = 0;
  for (const store of on) {
    if (store === 'postgres' && missingPostgres !== false) {
      console.log(`not over PostgreSQL: ${missingPostgres}`);
      continue;
    }
    const outcome = await run(store, { seed, seconds, devices, clock: systemClock });
    for (const each of outcome.findings) console.log(`found over ${store}: ${each}`);
    findings += outcome.findings.length;
    told[store] = { ...outcome.counts, findings: outcome.findings.length };
  }
  console.log(JSON.stringify({ seed, seconds, devices, ...told, findings }));
  process.exitCode = findings === 0 ? 0 : 1;
}

async function run(store: Store, options: ChaosOptions): Promise<ChaosOutcome> {
  if (store === 'sqlite') return runChaos(options);
  const postgres = await startPostgres();
  try {
    return await runChaos({ ...options, postgres });
  } finally {
    await postgres.stop();
  }
}
