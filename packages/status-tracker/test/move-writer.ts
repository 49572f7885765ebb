/**
 * A process that changes a fleet as fast as it can, until the store refuses; each device that was taken in
 * is a line of its output.
 */
import { systemClock, systemRandom } from '@lapel/transport';
import { createSqliteStore, openPostgresStore } from '../src/index.ts';
import { addSeen } from './fleet-fixtures.ts';
import { startMs } from './world.ts';

const [path = '', url = ''] = process.argv.slice(2);
const store =
  url === ''
    ? createSqliteStore({ path })
    : await openPostgresStore({ url, clock: systemClock, random: systemRandom });
const by = { actor: 'test', atMs: startMs };
try {
  for (let number = 0; ; number++) {
    const id = `late-${number}`;
    await addSeen(store, id);
    process.stdout.write(`${id}\n`);
    await store.recordSeen([{ device: 'lamp-0', atMs: startMs + 1_000_000 + number }]);
    await store.addGrant({ name: id, hash: new Uint8Array(32), roles: ['viewer'], createdMs: 1 }, by);
    if (number % 2 === 0) await store.removeGrant(id, by);
  }
} catch (error) {
  process.stdout.write(`${(error as { code?: string }).code}\n`);
}
await store.close();
