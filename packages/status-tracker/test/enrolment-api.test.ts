import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import test from 'node:test';
import { hex, unhex } from '@lapel/cbor';
import { encodeVerificationKey } from '@lapel/cose';
import { uuidText } from '@lapel/suit';
import { deviceCertificate, rootCertificate } from './certificates.ts';
import { createApi } from './operator-world.ts';
import { lampClass, otherClass, startMs, testKey, vendor } from './world.ts';

const kind = { vendor: uuidText(vendor), class: uuidText(lampClass) };
const pem = new X509Certificate(rootCertificate()).toString();
const acme = { name: 'acme', certificate: pem, vendor: kind.vendor, classes: [kind.class] };

test('S2-08, S4-23: an operator enrols a manufacturer, and revokes a certificate', async (context) => {
  const { ask, world } = await createApi(context);
  const added = await ask('operator', 'POST', '/manufacturers', acme);
  assert.equal(added.status, 201, added.text);
  assert.equal(added.json()['subject'], 'O=Acme, CN=Acme Root');
  assert.equal((await ask('operator', 'POST', '/manufacturers', acme)).status, 409);
  const inHex = { ...acme, name: 'hex', certificate: hex(rootCertificate({ key: testKey('hex').public })) };
  assert.equal((await ask('operator', 'POST', '/manufacturers', inHex)).status, 201);
  await world.device('lamp-1', { certificates: [deviceCertificate('lamp-1')] }).client.register();
  const device = (await ask('viewer', 'GET', '/devices/lamp-1')).json();
  assert.equal(device['admittedBy'], 'by the manufacturer acme, certificate 0a01');
  const revoked = await ask('operator', 'POST', '/manufacturers/acme/revocations', { serials: ['0A:01'] });
  assert.deepEqual(revoked.json(), { frozen: ['lamp-1'] });
  const [first] = JSON.parse((await ask('viewer', 'GET', '/manufacturers')).text) as Record<
    string,
    unknown
  >[];
  assert.deepEqual(first, {
    name: 'acme',
    vendor: kind.vendor,
    classes: [kind.class],
    subject: 'O=Acme, CN=Acme Root',
    fingerprint: new X509Certificate(rootCertificate()).fingerprint256.replaceAll(':', '').toLowerCase(),
    notAfterMs: startMs + 365 * 86_400_000,
    revoked: ['0a01'],
    createdMs: startMs,
  });
  assert.equal((await ask('operator', 'DELETE', '/manufacturers/acme')).status, 204);
  assert.equal((await ask('operator', 'DELETE', '/manufacturers/acme')).status, 404);
});

test('S2-08: what is no manufacturer is refused with what was expected', async (context) => {
  const { ask } = await createApi(context);
  for (const [changes, status, detail] of [
    [{ certificate: 'zz' }, 400, /expected one certificate in PEM, or DER in hexadecimal, found neither/],
    [{ certificate: '3000' }, 400, /certificate: expected an item with tag 0x30, found none/],
    [{ certificate: `${pem}${pem}` }, 400, /expected one certificate in PEM/],
    [
      { certificate: hex(deviceCertificate('lamp-1')) },
      422,
      /expected the certificate of a CA, found CN=lamp-1/,
    ],
    [{ classes: [] }, 400, /classes/],
    [{ classes: ['x'.repeat(32)] }, 400, /expected a UUID as class/],
    [{ name: 'a b' }, 400, /name/],
  ] as const) {
    const answer = await ask('operator', 'POST', '/manufacturers', { ...acme, ...changes });
    assert.equal(answer.status, status, answer.text);
    assert.match(String(answer.json()['detail']), detail);
  }
  const serials = { serials: ['not hex'] };
  assert.equal((await ask('operator', 'POST', '/manufacturers/acme/revocations', serials)).status, 400);
});

test('S2-08, S4-23: an operator makes a token, which is told once, and revokes it', async (context) => {
  const { ask, world } = await createApi(context);
  const terms = { name: 'line', ...kind, uses: 3, forMs: 3_600_000 };
  const made = await ask('operator', 'POST', '/enrolment-tokens', terms);
  assert.equal(made.status, 201, made.text);
  const enrolmentToken = unhex(String(made.json()['token']));
  assert.equal(enrolmentToken?.length, 32);
  await world.device('lamp-1', { enrolmentToken }).client.register();
  const listed = (await ask('viewer', 'GET', '/enrolment-tokens')).text;
  assert.deepEqual(JSON.parse(listed), [
    { name: 'line', ...kind, uses: 3, used: 1, expiresMs: startMs + 3_600_000, createdMs: startMs },
  ]);
  assert.ok(!listed.includes(hex(enrolmentToken)));
  assert.equal((await ask('operator', 'POST', '/enrolment-tokens', terms)).status, 409);
  for (const changes of [{ uses: 0 }, { uses: 1_000_001 }, { forMs: 0 }, { forMs: 4e10 }, { vendor: 'x' }])
    assert.equal(
      (await ask('operator', 'POST', '/enrolment-tokens', { ...terms, name: 'b', ...changes })).status,
      400,
    );
  assert.equal((await ask('operator', 'DELETE', '/enrolment-tokens/line')).status, 204);
  assert.equal((await ask('operator', 'DELETE', '/enrolment-tokens/line')).status, 404);
});

test('S2-08: an operator sees who waits and what it is, and turns it away', async (context) => {
  const { ask, world } = await createApi(context);
  await world.lamps(1);
  const characteristics = { hardware: 'lamp-board-3', freeMemoryBytes: 9_000, freeFlashBytes: 70_000 };
  const terms = { transports: ['http' as const], manifestVersions: [1], reachability: 'queue' as const };
  await world
    .device('stranger', { class: otherClass, characteristics: () => characteristics, terms })
    .client.register();
  const waiting = (await ask('viewer', 'GET', '/devices?approval=pending')).json();
  const [stranger, ...others] = waiting['devices'] as Record<string, unknown>[];
  assert.deepEqual(others, []);
  assert.equal(stranger?.['id'], 'stranger');
  assert.equal(stranger['fingerprint'], hex(testKey('stranger').public.kid));
  assert.deepEqual(stranger['characteristics'], characteristics);
  assert.deepEqual(stranger['terms'], terms);
  assert.equal((await ask('viewer', 'GET', '/devices?approval=none')).status, 400);
  assert.equal((await ask('approver', 'DELETE', '/devices/stranger')).status, 204);
  assert.equal((await ask('approver', 'DELETE', '/devices/stranger')).status, 404);
  assert.equal(
    (await ask('approver', 'DELETE', '/devices/lamp-0')).status,
    404,
    'who is in is not turned away',
  );
});

test('S2-08, S4-23: an operator freezes a device, retires it, and has it back', async (context) => {
  const { ask, world } = await createApi(context);
  const [lamp] = await world.lamps(1);
  assert.ok(lamp !== undefined);
  const told: string[] = [];
  world.tracker.watch.follow(({ id, state, because = '' }) => told.push(`${id} ${state}: ${because}`));
  const bar = async (act: string, because: unknown, role: 'viewer' | 'approver' = 'approver') =>
    (await ask(role, 'POST', `/devices/lamp-0/${act}`, { because })).status;
  assert.equal(await bar('freeze', 'two of it?', 'viewer'), 403);
  for (const because of ['', 'x'.repeat(257), 'two\nlines']) assert.equal(await bar('retire', because), 400);
  assert.equal(await bar('freeze', 'two of it?'), 204);
  await lamp.checkIn();
  assert.equal(await bar('retire', 'stolen'), 204);
  assert.equal(await bar('retire', 'stolen'), 204, 'what is done is done');
  assert.equal(await bar('freeze', 'stolen'), 409);
  assert.deepEqual(told, ['lamp-0 frozen: two of it?', 'lamp-0 retired: stolen']);
  const device = (await ask('viewer', 'GET', '/devices/lamp-0')).json();
  assert.equal(device['explanation'], 'lamp-0 is retired, and of the fleet no more: stolen.');
  await assert.rejects(
    lamp.checkIn(),
    /expected a device of the fleet, found one that an operator has retired/,
  );
  const provision = { id: 'lamp-0', publicKey: hex(encodeVerificationKey(lamp.key.public)), ...kind };
  assert.equal((await ask('operator', 'POST', '/devices', provision)).status, 409);
  assert.equal((await ask('approver', 'POST', '/devices/lamp-0/approve')).status, 204);
  await lamp.checkIn();
  assert.equal((await world.store.device('lamp-0'))?.approval, 'approved');
  assert.equal((await ask('approver', 'POST', '/devices/nobody/retire', { because: 'x' })).status, 404);
  const acts = (await world.store.auditChain(0, 100)).filter(({ act }) => act.startsWith('device '));
  assert.deepEqual(
    acts.slice(-3).map(({ act, detail }) => [act, detail]),
    [
      ['device frozen', 'two of it?'],
      ['device retired', 'stolen'],
      ['device approved', undefined],
    ],
  );
});
