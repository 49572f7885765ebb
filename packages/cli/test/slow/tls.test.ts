/** A server that speaks TLS, and commands and devices that reach it. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { discard, request } from '@lapel/transport';
import { coapClient } from '@lapel/transport/coap';
import { selfSigned } from '../../../../tools/certificate.ts';
import { createStage, until, withLamps } from '../stage.ts';

test('with an authority for clients, nobody is served who shows no certificate, nor a secret', async (t) => {
  const stage = await createStage(t);
  const { folder, lapel, run, environment } = stage;
  for (const name of ['localhost', 'fleet', 'stranger']) {
    const { cert, key } = selfSigned(name);
    await writeFile(join(folder, `${name}.crt`), cert);
    await writeFile(join(folder, `${name}.key`), key);
  }
  const known = await withLamps(stage);
  const tls = ['--tls-cert', 'localhost.crt', '--tls-key', 'localhost.key', '--client-ca', 'fleet.crt'];
  const server = stage.background('serve', '--port', '0', '--coap-port', '0', '--json', ...known, ...tls);
  await until(server, /https:\/\/localhost:\d+[^]*\n/);
  environment['LAPEL_SERVER'] = /https:\/\/localhost:\d+/.exec(server.output)?.[0] ?? '';
  environment['LAPEL_TOKEN_FILE'] = 'data/tokens/operator.token';
  const unproven = await run('devices');
  assert.equal(unproven.exit, 3, 'nobody has said whom to trust');
  environment['LAPEL_CA'] = 'localhost.crt';
  assert.equal((await run('devices')).exit, 3, 'it shows no certificate');
  const showing = (name: string) => ['--client-cert', `${name}.crt`, '--client-key', `${name}.key`];
  assert.equal((await run('devices', ...showing('stranger'))).exit, 3);
  assert.match((await run('devices', '--client-cert', 'fleet.crt')).stderr, /expected --client-cert and/);
  const factory = [
    '--tracker',
    'data/keys/tracker.pub.pem',
    '--firmware',
    '1.0.0.suit',
    '--image',
    'lamp.bin',
  ];
  await lapel('device', 'make', 'lamp.flash', '--id', 'lamp-77', '--trust', 'author.pub.pem', ...factory);
  const identity = ['--key', 'lamp.pub.pem', '--vendor', 'lapel.example', '--class', 'lamp'];
  await lapel('devices', 'add', 'lamp-77', ...identity, ...showing('fleet'));
  const device = stage.background('device', 'run', 'lamp.flash', '--poll', '1', ...showing('fleet'));
  await until(device, /booted sequence number 1/);
  const shownVersion = async (id: string) => {
    const version = async () => {
      const shown = await lapel('devices', 'show', id, '--json', ...showing('fleet'));
      return (JSON.parse(shown) as { version: string }).version;
    };
    for (let tries = 0; tries < 60 && (await version()) === 'unknown'; tries++) await sleep(500);
    return version();
  };
  assert.equal(await shownVersion('lamp-77'), '1.0.0');

  // Over CoAP, who has no certificate must have a secret.
  const trust = ['--trust', 'author.pub.pem', '--oscore', 'second.oscore'];
  await lapel('device', 'make', 'second.flash', '--id', 'lamp-78', ...trust, ...factory);
  const second = identity.map((word) => (word === 'lamp.pub.pem' ? 'second.pub.pem' : word));
  const shared = ['--oscore', 'second.oscore', ...showing('fleet')];
  await lapel('devices', 'add', 'lamp-78', ...second, ...shared);
  const coap = /coap:\/\/[\d.:]+/.exec(server.output)?.[0] ?? assert.fail(server.output);
  const stranger = coapClient(coap);
  const refused = await stranger(request('GET', '/capabilities'));
  assert.equal(refused.status, 'unauthorized');
  await Promise.all([discard(refused.body), stranger.close()]);
  stage.background('device', 'run', 'second.flash', '--poll', '1', '--server', coap);
  assert.equal(await shownVersion('lamp-78'), '1.0.0');
});

test('certificates are renewed while a server goes on; bad ones are told and change nothing', async (t) => {
  const stage = await createStage(t);
  const { folder, run, environment } = stage;
  const write = async (name: string, { cert, key }: { readonly cert: string; readonly key: string }) => {
    await writeFile(join(folder, `${name}.crt`), cert);
    await writeFile(join(folder, `${name}.key`), key);
  };
  const [first, second] = [selfSigned('localhost'), selfSigned('localhost')];
  await write('localhost', first);
  await write('second', second);
  const server = stage.background(
    'serve',
    '--port',
    '0',
    '--tls-cert',
    'localhost.crt',
    '--tls-key',
    'localhost.key',
  );
  await until(server, /https:\/\/localhost:\d+[^]*tokens are in/);
  environment['LAPEL_SERVER'] = /https:\/\/localhost:\d+/.exec(server.output)?.[0] ?? '';
  environment['LAPEL_TOKEN_FILE'] = 'data/tokens/operator.token';
  const trusting = async (file: string) => (await run('devices', '--ca', file)).exit;
  await write('old', first);
  await write('localhost', { ...second, key: first.key });
  server.child.kill('SIGHUP');
  await until(
    server,
    /the certificates stay as they were: expected localhost\.key to be the key of localhost\.crt/,
  );
  assert.equal(await trusting('old.crt'), 0);
  await write('localhost', second);
  server.child.kill('SIGHUP');
  await until(server, /the certificate in localhost\.crt is shown from now on; it is valid until /);
  assert.equal(await trusting('second.crt'), 0);
  assert.equal(await trusting('old.crt'), 3);
});
