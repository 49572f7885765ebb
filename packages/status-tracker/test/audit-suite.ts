/** What every store must do for the audit of what operators did. */
import assert from 'node:assert/strict';
import { chainStart, linked } from '../src/transparency/audit-chain.ts';
import type { FleetStore } from '../src/index.ts';
import type { Check } from './fleet-fixtures.ts';
import { newDevice } from './fleet-fixtures.ts';
import { startMs } from './world.ts';

const by = (actor: string) => ({ actor, atMs: startMs });

async function assertChained(store: FleetStore): Promise<void> {
  let before = { hash: chainStart };
  for (const [place, link] of (await store.auditChain(0, 1000)).entries()) {
    assert.equal(link.number, place);
    assert.deepEqual(link.hash, linked(before, link).hash, `entry ${place}`);
    before = link;
  }
}

export function auditTests(check: Check): void {
  check('what operators do is a chain that tells who, in which role, what and when', async (store) => {
    const grant = {
      hash: new Uint8Array(32),
      name: 'anna',
      roles: ['operator'],
      createdMs: startMs,
    } as const;
    await store.addGrant(grant, by('admin'));
    await store.addDevices([newDevice('lamp-1', { approval: 'pending' })], by('anna'));
    await store.approve(['lamp-1'], by(`anna, signed by ${'0a'.repeat(32)}`));
    const twins = 'there are two of it';
    await store.freeze(['lamp-1'], { ...by('lamp-1'), because: twins, isApart: true });
    await store.retire(['lamp-1'], { ...by('anna'), because: twins });
    await store.removeGrant('anna', by('admin'));
    const chain = await store.auditChain(0, 10);
    assert.deepEqual(
      chain.map(({ number, actor, roles, act, subject }) => [number, actor.slice(0, 5), roles, act, subject]),
      [
        [0, 'admin', '', 'token granted', 'anna'],
        [1, 'anna', 'operator', 'device pending', 'lamp-1'],
        [2, 'anna,', 'operator', 'device approved', 'lamp-1'],
        [3, 'anna', 'operator', 'device retired', 'lamp-1'],
        [4, 'admin', '', 'token revoked', 'anna'],
      ],
      'what a device causes is in none',
    );
    await assertChained(store);
    assert.deepEqual(await store.auditChain(1, 2), chain.slice(1, 3));
    assert.equal((await store.audit(10)).length, 6, 'and stands in the audit all the same');
  });

  check('what is done at once is one chain without a gap', async (store) => {
    const names = Array.from({ length: 12 }, (_, at) => `lamp-${at}`);
    await Promise.all(names.map(async (name) => store.addDevices([newDevice(name)], by('anna'))));
    assert.equal((await store.auditChain(0, 100)).length, names.length);
    await assertChained(store);
  });

  check('an entry that is changed, left out or moved has another hash', async (store) => {
    for (const name of ['a', 'b', 'c'])
      await store.appendAudit([{ ...by('anna'), act: 'device approved', subject: name, detail: 'd' }]);
    const [first, second, third] = await store.auditChain(0, 10);
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    assert.deepEqual(linked(second, third).hash, third.hash);
    for (const [before, entry] of [
      [first, third],
      [undefined, third],
      [second, { ...third, subject: 'd' }],
      [second, { ...third, actor: 'ben' }],
      [second, { ...third, roles: 'admin' }],
      [second, { ...third, atMs: third.atMs + 1 }],
      [second, { ...third, number: 3 }],
      [second, { ...third, detail: 'e' }],
    ] as const)
      assert.notDeepEqual(linked(before, entry).hash, third.hash);
  });
}
