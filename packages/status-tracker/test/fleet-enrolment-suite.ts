/** What every store must do for the ways into the fleet. */
import assert from 'node:assert/strict';
import type { EnrolmentToken, Manufacturer, Way } from '../src/server/enrolment/enrolment-store.ts';
import { forgottenMax } from '../src/server/enrolment/enrolment-store.ts';
import type { Check } from './fleet-fixtures.ts';
import { by, evidence, inventory, newDevice, tokenHash, session } from './fleet-fixtures.ts';
import { digestFor, lampClass, startMs, vendor } from './world.ts';

/** Bytes that are no certificate: a store keeps them, it does not judge them. */
export const manufacturerOf = (name: string, changes: Partial<Manufacturer> = {}): Manufacturer => ({
  name,
  certificate: new TextEncoder().encode(`certificate of ${name}`.repeat(100)),
  vendor,
  classes: [lampClass],
  revoked: [],
  createdMs: startMs,
  ...changes,
});

export const tokenOf = (name: string, changes: Partial<EnrolmentToken> = {}): EnrolmentToken => ({
  name,
  id: new TextEncoder().encode(`id ${name}`),
  hash: digestFor(1),
  vendor,
  class: lampClass,
  uses: 1,
  used: 0,
  expiresMs: startMs + 1_000,
  createdMs: startMs,
  ...changes,
});

const waitingWay = (changes: Partial<Extract<Way, { by: 'approval' }>> = {}): Way => ({
  by: 'approval',
  waitingMax: 3,
  silentBeforeMs: startMs - 1_000,
  ...changes,
});
const token = (name: string): Way => ({ by: 'token', name });
const made = (serial: string): Way => ({ by: 'manufacturer', name: 'acme', serial });

export function enrolmentTests(check: Check): void {
  tokenTests(check);
  manufacturerTests(check);
  strangerTests(check);
}

function tokenTests(check: Check): void {
  check('S2-04: a token lets in as many devices as it has uses, and none behind its end', async (store) => {
    assert.equal(await store.addEnrolmentToken(tokenOf('line', { uses: 2 }), by), true);
    assert.equal(await store.addEnrolmentToken(tokenOf('line'), by), false);
    assert.equal((await store.enrol(newDevice('a'), token('line'), by)).end, 'added');
    assert.equal((await store.enrol(newDevice('a'), token('line'), by)).end, 'known', 'costs no use');
    const device = await store.device('a');
    assert.deepEqual([device?.approval, device?.admission], ['approved', { by: 'token', name: 'line' }]);
    const late = { ...by, atMs: startMs + 1_000 };
    assert.equal((await store.enrol(newDevice('b'), token('line'), late)).end, 'token-over');
    assert.equal(await store.device('b'), undefined, 'neither the use nor the device');
    assert.equal((await store.enrol(newDevice('b'), token('line'), by)).end, 'added');
    assert.equal((await store.enrol(newDevice('c'), token('line'), by)).end, 'token-over');
    assert.equal((await store.enrol(newDevice('c'), token('none'), by)).end, 'token-over');
    assert.deepEqual(await store.enrolmentTokens(), [tokenOf('line', { uses: 2, used: 2 })]);
    assert.deepEqual(await store.enrolmentToken(tokenOf('line').id), tokenOf('line', { uses: 2, used: 2 }));
    assert.equal(await store.enrolmentToken(new Uint8Array(8)), undefined);
    assert.equal(await store.removeEnrolmentToken('line', by), true);
    assert.equal(await store.removeEnrolmentToken('line', by), false);
    const [, told] = await store.audit(2);
    assert.equal(
      `${told?.act} ${told?.subject}: ${told?.detail}`,
      'device approved b: by the enrolment token line',
    );
  });

  check('S2-04: of devices that come at once for the last use of a token, one is let in', async (store) => {
    await store.addEnrolmentToken(tokenOf('line', { uses: 3 }), by);
    const ids = Array.from({ length: 8 }, (_, index) => `lamp-${index}`);
    const ends = await Promise.all(ids.map(async (id) => store.enrol(newDevice(id), token('line'), by)));
    assert.deepEqual(ends.map(({ end }) => end).toSorted(), [
      ...Array.from({ length: 3 }, () => 'added'),
      ...Array.from({ length: 5 }, () => 'token-over'),
    ]);
    assert.equal((await store.devices({ limit: 10 })).length, 3);
  });

  check('S2-04: who is refused for its key spends no use of a token', async (store) => {
    await store.addEnrolmentToken(tokenOf('line', { uses: 5 }), by);
    await store.addDevices([newDevice('a'), newDevice('b', { approval: 'pending' })], by);
    const twin = { ...newDevice('a'), id: 'c' };
    const clone = { ...newDevice('c'), id: 'a' };
    assert.equal((await store.enrol(twin, token('line'), by)).end, 'key-in-use');
    assert.equal((await store.enrol(clone, token('line'), by)).end, 'other-key');
    assert.equal((await store.enrolmentTokens())[0]?.used, 0);
    assert.equal((await store.enrol(newDevice('b'), token('line'), by)).end, 'let-in');
    assert.equal((await store.device('b'))?.approval, 'approved');
    await store.freeze(['b'], { ...by, because: 'test' });
    assert.equal((await store.enrol(newDevice('b'), token('line'), by)).end, 'known');
    assert.equal((await store.device('b'))?.approval, 'frozen', 'no token thaws what an operator must judge');
    assert.equal((await store.enrolmentTokens())[0]?.used, 1);
  });
}

function manufacturerTests(check: Check): void {
  check('S2-04: manufacturers are kept in order, each name and each certificate once', async (store) => {
    const [acme, best] = [manufacturerOf('acme'), manufacturerOf('best', { classes: [vendor, lampClass] })];
    assert.equal(await store.addManufacturer(best, by), true);
    assert.equal(await store.addManufacturer(acme, by), true);
    assert.equal(await store.addManufacturer({ ...best, name: 'acme' }, by), false);
    assert.equal(await store.addManufacturer({ ...best, name: 'twin' }, by), false);
    assert.deepEqual(await store.manufacturers(), [acme, best]);
    assert.equal(await store.removeManufacturer('best', by), true);
    assert.equal(await store.removeManufacturer('best', by), false);
    assert.deepEqual(await store.manufacturers(), [acme]);
  });

  check('S2-04: a revoked certificate lets nobody in, and who came in by it is frozen', async (store) => {
    await store.addManufacturer(manufacturerOf('acme'), by);
    for (const [id, serial] of [
      ['a', '01'],
      ['b', '02'],
      ['c', '03'],
    ] as const)
      assert.equal((await store.enrol(newDevice(id), made(serial), by)).end, 'added');
    assert.deepEqual((await store.device('a'))?.admission, made('01'));
    assert.deepEqual(await store.revokeCertificates('acme', ['03', '01', '09'], by), ['a', 'c']);
    assert.deepEqual(await store.revokeCertificates('none', ['02'], by), []);
    const approvals = (await store.devices({ limit: 9 })).map(({ approval }) => approval);
    assert.deepEqual(approvals, ['frozen', 'approved', 'frozen']);
    assert.match((await store.device('c'))?.lastError ?? '', /certificate that let it in was revoked/);
    assert.equal((await store.enrol(newDevice('d'), made('09'), by)).end, 'manufacturer-gone');
    assert.equal((await store.enrol(newDevice('d'), made('04'), by)).end, 'added');
    assert.deepEqual((await store.manufacturers())[0]?.revoked, ['01', '03', '09']);
    await store.removeManufacturer('acme', by);
    assert.equal((await store.enrol(newDevice('e'), made('05'), by)).end, 'manufacturer-gone');
    assert.equal((await store.device('b'))?.approval, 'approved', 'what it has let in stays');
    await store.addManufacturer(manufacturerOf('acme'), by);
    assert.deepEqual((await store.manufacturers())[0]?.revoked, []);
  });
}

function strangerTests(check: Check): void {
  check('S2-08: strangers wait, so many at most; only who is silent makes room', async (store) => {
    for (const id of ['a', 'b', 'c']) {
      assert.deepEqual(await store.enrol(newDevice(id), waitingWay(), by), { end: 'added', forgotten: [] });
    }
    assert.equal((await store.enrol(newDevice('a'), waitingWay(), by)).end, 'known');
    assert.deepEqual(await store.enrol(newDevice('d'), waitingWay(), by), { end: 'full', forgotten: [] });
    await store.recordSeen([{ device: 'b', atMs: startMs + 900 }]);
    const later = { ...by, atMs: startMs + 1_000 };
    const way = waitingWay({ silentBeforeMs: startMs + 500 });
    assert.deepEqual(await store.enrol(newDevice('d'), way, later), { end: 'added', forgotten: ['a', 'c'] });
    const waiting = await store.devices({ limit: 9, approval: 'pending' });
    assert.deepEqual(
      waiting.map(({ id }) => id),
      ['b', 'd'],
    );
    assert.deepEqual(await store.speakers([newDevice('a').kid]), [undefined]);
    assert.equal((await store.enrol(newDevice('a'), way, later)).end, 'added', 'it may come again');
    assert.ok(forgottenMax >= 2);
  });

  check('S2-08: only who waits is turned away', async (store) => {
    await store.addDevices([newDevice('a', { approval: 'pending' }), newDevice('b')], by);
    assert.deepEqual(await store.turnAway(['a', 'b', 'none'], by), ['a']);
    assert.deepEqual(await store.turnAway(['a'], by), []);
    assert.equal(await store.device('a'), undefined);
    assert.equal((await store.devices({ limit: 9 })).length, 1);
    assert.equal((await store.audit(1))[0]?.act, 'device turned away');
  });

  check('S2-08: of a stranger only the last word is kept', async (store) => {
    await store.addDevices([newDevice('a', { approval: 'pending' })], by);
    await store.startSessions([{ device: 'a', tokenHash, updateMode: 'negotiated', atMs: startMs }]);
    const audited = (await store.audit(100)).length;
    for (let counter = 1; counter <= 3; counter++) {
      const told = inventory(counter, { suspicion: `suspicion ${counter}` });
      const record = { device: 'a', session, counter, inventory: told, signed: evidence() };
      assert.equal((await store.recordCheckIns([record]))[0]?.end, 'recorded');
      assert.equal((await store.recordCheckIns([record]))[0]?.end, 'replayed');
      assert.deepEqual((await store.device('a'))?.inventory, told);
    }
    assert.deepEqual(await store.evidence('a', 10), []);
    assert.equal((await store.audit(100)).length, audited);
    await store.approve(['a'], by);
    const signed = evidence();
    await store.recordCheckIns([{ device: 'a', session, counter: 4, inventory: inventory(), signed }]);
    assert.deepEqual((await store.evidence('a', 10))[0]?.signed, signed);
  });

  check('S2-08: how often a device says it has started is kept until it says it again', async (store) => {
    await store.addDevices([newDevice('a')], by);
    const session = { device: 'a', tokenHash, updateMode: 'negotiated', atMs: startMs } as const;
    await store.startSessions([{ ...session, starts: 7 }]);
    await store.startSessions([session]);
    assert.equal((await store.device('a'))?.starts, 7);
    await store.startSessions([{ ...session, starts: 3 }]);
    assert.equal((await store.device('a'))?.starts, 3);
  });
}
