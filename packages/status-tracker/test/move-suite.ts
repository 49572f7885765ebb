/** That a move takes everything along and loses nothing, whatever the databases and wherever it is killed. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import test from 'node:test';
import { systemClock, systemRandom } from '@lapel/transport';
import type { FleetStore } from '../src/index.ts';
import { createStatusTracker } from '../src/index.ts';
import { callOff, moveFleet } from '../src/server/whole/index.ts';
import type { MoveProgress, WholeStore } from '../src/server/whole/index.ts';
import { addSeen, newDevice } from './fleet-fixtures.ts';
import { assertSame, fill, rowsOf } from './whole-fixtures.ts';
import { operatorKey, startMs, testKey } from './world.ts';

/** A database of its own, empty at first. */
export interface Database {
  whole(): Promise<WholeStore>;
  store(tenant?: string): Promise<FleetStore>;
  /** What `move-writer.ts` is told. */
  readonly writer: readonly string[];
}

export type NewDatabase = () => Promise<Database>;

const by = { actor: 'test', atMs: startMs };
/** Nobody has to wait here: time passes where somebody sleeps. */
function sleepless() {
  let slept = 0;
  return {
    wallMs: () => systemClock.wallMs() + slept,
    sleep: async (ms: number) => {
      slept += ms;
    },
  };
}

/** A process that changes what is in a database, and tells what was taken in. */
function startWriter(args: readonly string[]) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'move-writer.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  const started = Promise.withResolvers<void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    started.resolve();
  });
  const ended = once(child, 'close').then(() => output.trim().split('\n'));
  return { started: started.promise, ended };
}

/** Every third step, going on from it and calling it off in turns; all of them where this is set. */
const share = process.env['LAPEL_ALL_CASES'] === undefined ? 3 : 1;

export function testMoves(
  name: string,
  [newSource, newTarget]: readonly [NewDatabase, NewDatabase],
  options: { readonly skip?: string | false } = {},
): void {
  async function stage() {
    const [source, target] = [await newSource(), await newTarget()];
    const [from, to] = [await source.whole(), await target.whole()];
    const ends = { from: { store: from, name: 'source' }, to: { store: to, name: 'target' } };
    const clock = sleepless();
    const close = async () => void (await Promise.all([from.close(), to.close()]));
    const move = async (onProgress: (progress: MoveProgress) => void = () => undefined) =>
      moveFleet({ ...ends, clock, random: systemRandom, onProgress });
    return { source, target, from, to, ends, move, close };
  }

  test(
    `${name}: a move takes every row of every tenant along, and numbers go on behind them`,
    options,
    async () => {
      const { source, target, from, to, move, close } = await stage();
      for (const tenant of ['default', 'north']) {
        const store = await source.store(tenant);
        await fill(store, tenant);
        await store.close();
      }
      const { rows } = await move();
      assert.equal(rows['device'], 10);
      assert.ok((rows['report'] ?? 0) > 20);
      await assertSame(from, to);
      const store = await target.store('north');
      await addSeen(store, 'lamp-9');
      assert.equal((await store.audit(100)).length, (await numberOf(from, 'audit', 'north')) + 1);
      const [newest] = await store.evidence('lamp-9', 1);
      assert.equal(newest?.device, 'lamp-9');
      await store.close();
      await close();
    },
  );

  test(
    `${name}: what changes while a move is under way is there once, and nothing after it`,
    options,
    async () => {
      const { source, target, from, to, move, close } = await stage();
      const store = await source.store();
      await fill(store);
      const writer = startWriter(source.writer);
      await writer.started;
      // Long enough to change a lot, short enough for a test.
      await move(({ step }) => {
        if (step === 'copying') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
      });
      const lines = await writer.ended;
      assert.equal(lines.at(-1), 'unavailable');
      assert.ok(lines.length > 5, `${lines.length}`);
      await assertSame(from, to);
      const ids = (await to.sql.all('SELECT id FROM device')).map(({ id }) => String(id));
      for (const line of lines.slice(0, -1)) assert.ok(ids.includes(line), line);
      await assert.rejects(store.addDevices([newDevice('too-late')], by), { code: 'unavailable' });
      assert.deepEqual(await store.whereabouts(), { fleet: 'gone', other: 'target' });
      assert.equal((await (await target.store()).whereabouts()).fleet, 'here');
      await assertRefused(store, /found it moved/);
      await store.close();
      await close();
    },
  );

  test(
    `${name}: a move that is killed at any step goes on from there, or can be called off`,
    options,
    async () => {
      const steps = await stage();
      const first = await steps.source.store();
      await fill(first);
      let count = 0;
      await steps.move(() => (count += 1));
      await first.close();
      await steps.close();
      for (let at = 1; at <= count; at += at === 1 ? 1 : share) {
        const { source, target, from, to, ends, move, close } = await stage();
        const store = await source.store();
        await fill(store);
        let left = at;
        const killed = move(() => {
          left -= 1;
          if (left === 0) throw new Error('killed');
        });
        await assert.rejects(killed, /killed/);
        const half = await target.store();
        assert.equal((await half.whereabouts()).fleet, 'arriving', 'half a fleet is not served');
        await assertRefused(half, /still on its way/);
        await half.close();
        if (at % 2 === 0) {
          await callOff(ends.from);
          await addSeen(store, 'after-all');
          assert.deepEqual(await store.whereabouts(), { fleet: 'here' });
          await assert.rejects(move(), /expected an empty store at target/);
          assert.deepEqual(await store.whereabouts(), { fleet: 'here' });
        } else {
          if ((await store.whereabouts()).fleet === 'here') await addSeen(store, 'meanwhile');
          await move();
          await assertSame(from, to);
          const before = await rowsOf(to);
          await move();
          assert.deepEqual(await rowsOf(to), before, 'what is moved is moved');
        }
        await store.close();
        await close();
      }
    },
  );

  test(`${name}: nothing is moved into a store that has a fleet, and its own goes on`, options, async () => {
    const { source, target, move, close } = await stage();
    const [one, other] = [await source.store(), await target.store()];
    await addSeen(one, 'lamp-1');
    await addSeen(other, 'lamp-2');
    await assert.rejects(move(), /expected an empty store at target, found a fleet/);
    assert.deepEqual(await one.whereabouts(), { fleet: 'here' });
    await addSeen(one, 'lamp-3');
    await Promise.all([one.close(), other.close()]);
    await close();
  });
}

async function numberOf({ sql }: WholeStore, table: string, tenant: string): Promise<number> {
  return (await sql.all(`SELECT 1 FROM ${table} WHERE tenant = ?`, tenant)).length;
}

const assertRefused = async (store: FleetStore, message: RegExp) =>
  assert.rejects(
    createStatusTracker({
      store,
      clock: systemClock,
      random: systemRandom,
      trackerKey: testKey('tracker'),
      operators: [operatorKey.public],
      releases: () => undefined,
      onBug(error) {
        throw error;
      },
    }),
    message,
  );
