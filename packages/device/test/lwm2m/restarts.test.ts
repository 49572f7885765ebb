/** What a server sees of a device whose power goes: at any operation of its flash, and in every state. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import type { Machine } from '@lapel/device/lwm2m';
import { norFlash, seededRandom } from '@lapel/simulator';
import { bootedSlot, flashOf, make, recordOf } from '../world.ts';
import type { Scene } from './managed.ts';
import { managed } from './managed.ts';

const made = await make({ imagePages: 4 });
const image = seededRandom(2).bytes(6_003);
const envelope = await made.release(image, 2);
const path = '/manifests/lamp.suit';
const uri = `coap://server${path}`;
const files = { [path]: envelope, [`/payloads/${hex(digest('sha-256', image))}`]: image };

/** A server that wants this update, whatever it finds; it tells what it has seen. */
async function insist({ device, put, execute, waits, until }: Scene, seen: Machine[]): Promise<void> {
  const urge = async ({ state, result, isAccepted }: Machine) => {
    if (state === 'idle' && result !== 'updated') assert.equal(await put('/5/0/1', uri), 'changed');
    if (state === 'downloaded' && !isAccepted) assert.equal(await execute('/5/0/2'), 'changed');
  };
  for (let looks = 0; looks < 200; looks++) {
    const machine = device().machine();
    if (machine !== seen.at(-1)) seen.push(machine);
    if (machine.state === 'idle' && machine.result === 'updated') return until('idle', 1);
    await urge(machine);
    await waits(300);
  }
  assert.fail('expected the update to end, found it under way');
}

/** Where the machine may be after a restart, by where it was. */
const behind: Readonly<Record<Machine['state'], readonly Machine['state'][]>> = {
  idle: ['idle', 'downloading'],
  downloading: ['downloading', 'downloaded'],
  downloaded: ['downloaded', 'updating'],
  updating: ['updating', 'idle'],
};

test('S3-07, S4-41: wherever the power goes, the server sees where the update is, and it ends', async () => {
  const whole = flashOf(made);
  await managed(made, { flash: whole, files }, (scene) => insist(scene, []));
  assert.ok(whole.operations > 20, `found ${whole.operations}`);
  for (let operation = 0; operation < whole.operations; operation++) {
    const cut = { operation, torn: seededRandom(operation) };
    const flash = norFlash({ geometry: made.profile.layout.geometry, content: made.factory, cut });
    let last: Scene | undefined;
    const cutOff = managed(made, { flash, files }, (scene) => insist((last = scene), []));
    await assert.rejects(cutOff, { name: 'PowerCut' });
    const was = last?.device().machine();
    const again = flashOf(made, flash.dump());
    const after: Machine[] = [];
    await managed(made, { flash: again, files }, (scene) => insist(scene, after));
    const [is] = after;
    const told = `operation ${operation}: ${JSON.stringify(was)}, then ${JSON.stringify(is)}`;
    assert.ok(is !== undefined && behind[was?.state ?? 'idle'].includes(is.state), told);
    assert.ok(!after.some(({ result }) => result !== 'initial' && result !== 'updated'), told);
    assert.equal(bootedSlot(made, again), '1', told);
  }
});

/** A device that is switched off in this state, and is then looked at by its server. */
async function restarted(bring: (scene: Scene) => Promise<void>, look: (scene: Scene) => Promise<void>) {
  const flash = flashOf(made);
  await managed(made, { flash, files, weather: { bytesPerSecond: 400 } }, bring);
  const again = flashOf(made, flash.dump());
  await managed(made, { flash: again, files }, look);
  return again;
}

test('S3-07: a push that a restart cuts off ends as a connection that was lost', async () => {
  await restarted(
    async ({ ask, device, waits }) => {
      const body = (async function* () {
        yield image.subarray(0, 3000);
        await new Promise(() => {});
      })();
      void ask('PUT', '/5/0/0', { body }).catch(() => undefined);
      await waits(15_000);
      assert.equal(device().machine().state, 'downloading');
    },
    async ({ until }) => until('idle', 4),
  );
});

test('S3-07: a package that was pushed whole goes on after a restart, from flash', async () => {
  await restarted(
    async ({ put, until, waits, device }) => {
      await until('idle', 0);
      await put('/5/0/0', envelope);
      await waits(5_000);
      assert.equal(device().machine().state, 'downloading');
    },
    async ({ until, execute }) => {
      await until('downloaded', 0);
      await execute('/5/0/2');
      await until('idle', 1);
    },
  );
});

test('S3-07: what was downloaded, and what the server has set, is there after a restart', async () => {
  await restarted(
    async ({ put, until }) => {
      await put('/5/0/11', '0');
      await put('/5/0/13', '60');
      await put('/5/0/1', uri);
      await until('downloaded', 0);
    },
    async ({ seen, read, until, execute, asked }) => {
      assert.equal(await seen(), '2 0');
      const settings = [await read('/5/0/1'), await read('/5/0/11'), await read('/5/0/13')];
      assert.deepEqual(settings, [uri, '0', '60']);
      await execute('/5/0/2');
      await until('idle', 1);
      assert.ok(!asked.some((each) => each.startsWith('GET')), asked.join('\n'));
    },
  );
});

test('S3-07: a result is there after a restart, until the next download begins', async () => {
  const flash = await restarted(
    async ({ put, until, execute }) => {
      await put('/5/0/1', uri);
      await until('downloaded', 0);
      await execute('/5/0/10');
      await until('idle', 10);
    },
    async ({ until, put, seen }) => {
      await until('idle', 10);
      await put('/5/0/1', uri);
      assert.equal(await seen(), '1 0');
    },
  );
  assert.equal(recordOf(made, flash).managed?.result, 0);
});
