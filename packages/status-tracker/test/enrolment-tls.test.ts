/** Devices that are let in by what they show as they open TLS. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { TestContext } from 'node:test';
import { keyToPem } from '@lapel/cose';
import type { SigningKey } from '@lapel/cose';
import { httpClient, serveHttp } from '@lapel/transport';
import { selfSigned } from '../../../tools/certificate.ts';
import { deviceCertificate, rootCertificate } from './certificates.ts';
import { acme, registered } from './enrolment-fixtures.ts';
import type { World } from './world.ts';
import { createWorld, testKey } from './world.ts';

const pem = (der: Uint8Array) =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`;

/** The way to a tracker over TLS, for who shows this certificate and holds this key. */
async function overTls(context: TestContext, world: World, chain: readonly Uint8Array[], key: SigningKey) {
  const own = selfSigned('localhost');
  const tls = { ...own, clientCa: pem(rootCertificate({ notAfterMs: Date.UTC(2099, 0) })) };
  const server = await serveHttp((asked) => world.tracker.handler(asked), { port: 0, onBug, tls });
  context.after(() => server.close(0));
  const shown = { cert: chain.map(pem).join(''), key: keyToPem(key) };
  return httpClient(server.url.replace('127.0.0.1', 'localhost'), { ca: own.cert, ...shown });
}

function onBug(error: unknown): never {
  throw error;
}

test('S2-08: the certificate of its key with which a device opens TLS lets it in', async (context) => {
  const world = await createWorld();
  const lamp = testKey('lamp-1');
  const handler = await overTls(context, world, [deviceCertificate('lamp-1')], lamp);
  assert.equal(await registered(world, 'lamp-1', { handler }), 'pending', 'no manufacturer is known');
  await world.tracker.desk.addManufacturer(acme, 'anna');
  assert.equal(await registered(world, 'lamp-1', { handler }), 'approved');
  const { admission } = (await world.store.device('lamp-1')) ?? {};
  assert.deepEqual(admission, { by: 'manufacturer', name: 'acme', serial: '0a01' });
  assert.equal(
    await registered(world, 'lamp-2', { handler }),
    'pending',
    'whom it carries it does not let in',
  );
  const lent = await overTls(
    context,
    world,
    [deviceCertificate('lamp-3', { serial: '03' })],
    testKey('lamp-3'),
  );
  const message = await registered(world, 'lamp-4', { handler: lent, key: testKey('lamp-3') });
  assert.match(message, /expected a certificate for lamp-4 \(CN or serialNumber\), found one for .*lamp-3/);
});
