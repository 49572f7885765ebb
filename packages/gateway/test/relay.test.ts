/** Store and forward: what was answered arrives, whoever is cut off, killed or flooded on the way. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import type { Clock, Handler, Status } from '@lapel/transport';
import {
  TransportError,
  bytesBody,
  collect,
  emptyBody,
  httpClient,
  request,
  routes,
  systemClock,
} from '@lapel/transport';
import { folderOf, gatewayBefore, serving, unexpected } from './world.ts';

/** A server nobody listens at: its port is that of no service. */
const nowhere = 'http://127.0.0.1:9';
/** Pauses between attempts take a hundredth of their time. */
const hasty: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms / 100, signal) };

interface Tracker {
  readonly handler: Handler;
  readonly heard: string[];
  status: Status | 'away';
}

/** Takes in what the relay brings, and answers as it is told to. */
function trackerThat(status: Tracker['status']): Tracker {
  const tracker: Tracker = { handler: served, heard: [], status };
  async function served(asked: Parameters<Handler>[0]) {
    if (tracker.status === 'away') throw new TransportError('unreachable', 'the link is down');
    const text = new TextDecoder().decode(await collect(asked.body, 1000));
    if (tracker.status === 'changed') tracker.heard.push(text);
    return { status: tracker.status, size: 0, body: emptyBody };
  }
  return tracker;
}

const post = (url: string, path: string, text: string) =>
  httpClient(url)(request('POST', path, { body: bytesBody(new TextEncoder().encode(text)) }));

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    assert.ok(tries < 1000, 'it never came to be');
    await systemClock.sleep(10);
  }
}

const gatewayOf = (context: TestContext, tracker: Tracker, given = {}) =>
  gatewayBefore(context, [], {
    upstreams: [{ name: 'the tracker', handler: tracker.handler }],
    clock: hasty,
    ...given,
  });

test('S4-21: reports wait while nobody can be reached, and arrive in order, each once', async (context) => {
  const tracker = trackerThat('away');
  const { url, gateway } = await gatewayOf(context, tracker);
  for (const report of ['a', 'b', 'b', 'c']) {
    assert.equal((await post(url, '/reports', report)).status, 'changed');
  }
  assert.equal(gateway.standing().waiting.reports, 3);
  tracker.status = 'changed';
  await until(() => gateway.standing().waiting.reports === 0);
  assert.deepEqual(tracker.heard, ['a', 'b', 'c']);
  assert.equal((await post(url, '/reports', 'd')).status, 'changed');
  assert.equal(tracker.heard.at(-1), 'd');
});

test('S4-21: a refusal is the device’s to hear, a late one the operator’s', async (context) => {
  const tracker = trackerThat('forbidden');
  const { url, notices } = await gatewayOf(context, tracker);
  assert.equal((await post(url, '/reports', 'forged')).status, 'forbidden');
  tracker.status = 'away';
  assert.equal((await post(url, '/reports', 'forged')).status, 'changed');
  tracker.status = 'forbidden';
  await until(() => notices.length > 0);
  assert.match(notices[0] ?? '', /refused upstream, and dropped: forbidden/);
});

test('S4-21: a check-in is passed on later, and its device asks again for a receipt', async (context) => {
  const tracker = trackerThat('away');
  const { url, gateway } = await gatewayOf(context, tracker, { outbox: { checkIns: 2 } });
  for (const text of ['one', 'two', 'three']) {
    assert.equal((await post(url, '/check-in', text)).status, 'unavailable');
  }
  tracker.status = 'changed';
  await until(() => gateway.standing().waiting.checkIns === 0);
  assert.deepEqual(tracker.heard, ['two', 'three']);
});

test('S4-21: what waits is bounded: one more is refused, and none is lost for it', async (context) => {
  const tracker = trackerThat('away');
  const { url, gateway } = await gatewayOf(context, tracker, { outbox: { reports: 2 } });
  const ends = [];
  for (const text of ['one', 'two', 'three']) ends.push((await post(url, '/reports', text)).status);
  assert.deepEqual(ends, ['changed', 'changed', 'storage-full']);
  const tooLong = await post(url, '/reports', 'x'.repeat(70_000));
  assert.equal(tooLong.status, 'too-large');
  tracker.status = 'changed';
  await until(() => gateway.standing().waiting.reports === 0);
  assert.deepEqual(tracker.heard, ['one', 'two']);
});

test('S4-21: a message on which the server upstream fails keeps no other back', async (context) => {
  const heard: string[] = [];
  let isUp = false;
  const handler: Handler = async ({ body }) => {
    const text = new TextDecoder().decode(await collect(body, 1000));
    if (!isUp || text === 'poison') return { status: 'internal-error', body: emptyBody };
    heard.push(text);
    return { status: 'changed', body: emptyBody };
  };
  const { url } = await gatewayOf(context, { handler, heard, status: 'changed' }, { clock: hurried });
  for (const text of ['poison', 'sound']) await post(url, '/reports', text);
  isUp = true;
  await until(() => heard.length > 0);
  assert.deepEqual(heard, ['sound']);
});

const hurried: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms / 10_000, signal) };

test('S4-21: a gateway that is killed has lost no report that it answered', async (context) => {
  const folder = await folderOf(context);
  const answered = await relayUntilKilled(folder);
  const tracker = trackerThat('changed');
  const { gateway } = await gatewayOf(context, tracker, { folder });
  await until(() => gateway.standing().waiting.reports === 0);
  // One more may have been on its way into the answer.
  assert.deepEqual(tracker.heard.slice(0, answered.length), answered);
  assert.ok(tracker.heard.length <= answered.length + 1);
});

async function relayUntilKilled(folder: string): Promise<readonly string[]> {
  const program = join(import.meta.dirname, 'relaying-until-killed.ts');
  const child = spawn(process.execPath, [program, folder, nowhere], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  let said = '';
  for await (const chunk of child.stdout) {
    said += String(chunk);
    if (said.split('\n').length > 20) child.kill('SIGKILL');
  }
  await exited;
  return said.split('\n').slice(0, -1);
}

test('S4-21: over several hops, one of which is off for a while, all arrives', async (context) => {
  const tracker = trackerThat('changed');
  let isOff = true;
  const regional = await gatewayOf(context, tracker);
  // Power fails in the middle of an exchange: the connection is cut, and nothing more is said.
  const flaky: Handler = async (asked) => {
    if (isOff) throw new Error('no power');
    return regional.gateway.handler(asked);
  };
  const hop = await serving(context, flaky);
  const { url, gateway } = await gatewayBefore(context, [hop.url], { clock: hasty });
  for (const text of ['one', 'two']) assert.equal((await post(url, '/reports', text)).status, 'changed');
  tracker.status = 'away';
  isOff = false;
  await until(() => gateway.standing().waiting.reports === 0);
  assert.equal(regional.gateway.standing().waiting.reports, 2);
  tracker.status = 'changed';
  await until(() => tracker.heard.length === 2);
  assert.deepEqual(tracker.heard, ['one', 'two']);
});

test('S4-24: a gateway has what devices ask for, and nothing for operators', async (context) => {
  const origin = await serving(
    context,
    routes({ 'GET /devices': async () => ({ status: 'ok', body: emptyBody }) }, { onBug: unexpected }),
  );
  const { url } = await gatewayBefore(context, [origin.url]);
  for (const [method, path] of [
    ['GET', '/devices'],
    ['PUT', `/payloads/${'ab'.repeat(32)}`],
    ['POST', '/manifests'],
  ] as const) {
    const { status } = await httpClient(url)(request(method, path));
    assert.ok(status === 'not-found' || status === 'method-not-allowed', `${method} ${path}: ${status}`);
  }
});
