/** Adds device after device, and says of each that it is stored, until it is killed. */
import { createSqliteStore } from '../src/index.ts';
import { newDevice } from './fleet-fixtures.ts';
import { startMs } from './world.ts';

const store = createSqliteStore({ path: process.argv[2] ?? ':memory:' });
for (let number = 0; number < 10_000; number++) {
  await store.addDevices([newDevice(`lamp-${number}`)], { actor: 'test', atMs: startMs });
  process.stdout.write(`${number}\n`);
}
