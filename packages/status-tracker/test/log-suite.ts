/** What every store must do for the transparency log. */
import assert from 'node:assert/strict';
import type { LoggedEntry } from '../src/server/log.ts';
import { grow, leafHash, rootOf, rootOver } from '../src/transparency/merkle-tree.ts';
import type { Check } from './fleet-fixtures.ts';
import { startMs } from './world.ts';

const logged = (number: number): LoggedEntry => {
  const entry = new Uint8Array(44).fill(number);
  return { entry, hash: leafHash(entry), atMs: startMs + number };
};
const hashes = (entries: readonly LoggedEntry[]) => entries.map(({ hash }) => hash);

export function logTests(check: Check): void {
  check('S3-10: a log gives back what was appended, in its order, with its nodes', async (store) => {
    const all = [1, 2, 3, 4, 5].map(logged);
    for (const batch of [all.slice(0, 3), all.slice(3)]) {
      const size = await store.logSize();
      assert.ok(await store.appendLog(size, batch, await grow(size, hashes(batch), store.logNode)));
    }
    assert.equal(await store.logSize(), 5);
    assert.deepEqual(await store.logEntries(0, 10), all);
    assert.deepEqual(await store.logEntries(1, 2), all.slice(1, 3));
    assert.equal(await store.logPlace(logged(4).hash), 3);
    assert.equal(await store.logPlace(logged(9).hash), undefined);
    assert.deepEqual(await rootOf(5, store.logNode), await rootOver(hashes(all)));
    await assert.rejects(store.logNode(1, 2), /expected a full node at 1\/2, found none/);
  });

  check('S3-10: who appends behind another size, or what is there, changes nothing', async (store) => {
    const [one, two] = [logged(1), logged(2)];
    assert.ok(await store.appendLog(0, [one], await grow(0, [one.hash], store.logNode)));
    assert.equal(await store.appendLog(0, [two], await grow(0, [two.hash], store.logNode)), false);
    assert.equal(await store.appendLog(1, [one], await grow(1, [one.hash], store.logNode)), false);
    assert.deepEqual(await store.logEntries(0, 10), [one]);
  });
}
