/** `lapel device lwm2m` before a server of LwM2M on this machine: from its registration to its farewell. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { hex } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import { makeRelease } from '@lapel/simulator';
import type { Handler, Method, Response } from '@lapel/transport';
import { bytesBody, collect, emptyBody, request, systemClock, systemRandom } from '@lapel/transport';
import {
  blockClient,
  blockServer,
  createEndpoint,
  transmissionDefaults,
  udpServer,
} from '@lapel/transport/coap';
import { lampFile } from '../lamp-file.ts';
import type { HouseWorld } from '../house-world.ts';
import { lampImage, openHouseWorld } from '../house-world.ts';

const lapel = join(import.meta.dirname, '../../bin/lapel.mjs');

async function server(t: TestContext, files: Readonly<Record<string, Uint8Array>>) {
  const asked: string[] = [];
  let device = '';
  const plain = (status: Response['status'], headers = {}): Response => {
    return { status, headers, size: 0, body: emptyBody };
  };
  const handler: Handler = async ({ method, path, range }) => {
    asked.push(`${method} ${path}`);
    const file = files[path];
    if (path === '/rd') return plain('created', { location: '/rd/9' });
    if (method !== 'GET' || file === undefined) return plain(method === 'GET' ? 'not-found' : 'changed');
    const start = range?.start ?? 0;
    const size = file.length;
    if (start === 0) return { status: 'ok', size, body: bytesBody(file) };
    return { status: 'partial', range: { start, total: size }, body: bytesBody(file.subarray(start)) };
  };
  const common = { clock: systemClock, random: systemRandom, onBug: assert.ifError };
  const blocks = blockServer(handler, common);
  const datagrams = await udpServer({ host: '127.0.0.1', port: 0 });
  const endpoint = createEndpoint({
    ...{ ...common, datagrams },
    respond: (message, sender) => {
      // Whoever registers is asked where it has registered from (LwM2M Transport §6.4).
      if (message.code === 2) device = sender.key;
      return blocks(message, sender);
    },
  });
  t.after(() => endpoint.close());
  const ask = async (method: Method, path: string, body = ''): Promise<string> => {
    const client = blockClient(endpoint.ask(device), {
      random: systemRandom,
      transmission: transmissionDefaults,
    });
    const given = body === '' ? {} : { body: bytesBody(new TextEncoder().encode(body)) };
    const answer = await client(request(method, path, given));
    const text = new TextDecoder().decode(await collect(answer.body, 1024));
    return text === '' ? answer.status : text;
  };
  return { ask, asked, origin: `coap://127.0.0.1:${datagrams.port}` };
}

async function secondFirmware(world: HouseWorld) {
  const image = await lampImage('1.1.0');
  const plan = { image, sequence: 2, version: '1.1.0', className: 'lamp', key: world.author };
  return {
    '/manifests/lamp.suit': await makeRelease(plan),
    [`/payloads/${hex(digest('sha-256', image))}`]: image,
  };
}

test('S3-07: lapel device lwm2m registers, and updates and restarts as it is told to', async (t) => {
  const world = await openHouseWorld();
  t.after(() => world.close());
  await lampFile(world, 'self-test');
  const { ask, asked, origin } = await server(t, await secondFirmware(world));
  const args = ['device', 'lwm2m', 'lamp.flash', '--server', origin, '--lifetime', '20'];
  const child = spawn(process.execPath, [lapel, ...args], { cwd: world.folder });
  t.after(() => child.kill('SIGKILL'));
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const until = async (what: string, isSo: () => Promise<boolean>) => {
    for (const begun = performance.now(); !(await isSo());) {
      assert.ok(performance.now() - begun < 30_000, `${what}\n${said}`);
      await systemClock.sleep(50);
    }
  };
  const registrations = () => asked.filter((each) => each === 'POST /rd').length;
  await until('registered', async () => registrations() === 1);
  assert.equal(await ask('GET', '/3/0/3'), '1.0.0');
  assert.equal(await ask('PUT', '/5/0/1', `${origin}/manifests/lamp.suit`), 'changed');
  await until('downloaded', async () => (await ask('GET', '/5/0/3')) === '2');
  assert.equal(await ask('POST', '/5/0/2'), 'changed');
  await until('registered anew', async () => registrations() === 2);
  await until('updated', async () => (await ask('GET', '/5/0/5')) === '1');
  assert.equal(await ask('GET', '/3/0/3'), '1.1.0');
  assert.equal(await ask('POST', '/3/0/4'), 'changed');
  await until('restarted', async () => registrations() === 3);
  assert.equal(await ask('GET', '/5/0/5'), '1');
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
  assert.ok(asked.includes('DELETE /rd/9'), asked.join('\n'));
  assert.match(said, /confirmed: the new firmware has proved itself/);
  assert.match(said, /switched off\n$/);
});

test('S3-07: a device that asks its tracker whether its trial has ended is not for LwM2M', async (t) => {
  const world = await openHouseWorld();
  t.after(() => world.close());
  await lampFile(world, 'tracker');
  const args = ['device', 'lwm2m', 'lamp.flash', '--server', 'coap://127.0.0.1:9'];
  const child = spawn(process.execPath, [lapel, ...args], { cwd: world.folder });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(child, 'exit')) as [number];
  assert.equal(code, 1);
  assert.match(said, /expected a device that confirms by self-test, found one that asks its tracker/);
});
