/** Each Update Result of the Firmware Update object (5/0/5), by what a device in the field comes to it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '@lapel/cbor';
import { digest, generateSigningKey } from '@lapel/cose';
import { seededRandom } from '@lapel/simulator';
import { bytesBody } from '@lapel/transport';
import { flashOf, make, recordOf } from '../world.ts';
import type { Scene, Stage } from './managed.ts';
import { managed } from './managed.ts';

const imagePages = 16;
const made = await make({ imagePages });
const image = seededRandom(2).bytes(20_003);
const envelope = await made.release(image, 2);
const path = '/manifests/lamp.suit';
const uri = `coap://server${path}`;
const payloadPath = `/payloads/${hex(digest('sha-256', image))}`;
const files = { [path]: envelope, [payloadPath]: image };

/** On a device as the factory left it, which runs what it ran before when the play is over. */
async function unchanged(stage: Omit<Stage, 'flash'>, play: (scene: Scene) => Promise<void>) {
  const flash = flashOf(made);
  await managed(made, { files, ...stage, flash }, async (scene) => {
    await scene.until('idle', 0);
    await play(scene);
    assert.equal(await scene.read('/3/0/3'), '1.1.0');
  });
  return flash;
}

test('S3-07: result 2: an image that is larger than its slot', async () => {
  const large = await made.release(seededRandom(3).bytes(imagePages * 2048 + 1), 2);
  await unchanged({}, async ({ put, until }) => {
    await put('/5/0/0', large);
    await until('idle', 2);
  });
});

test('S3-07: result 3: a package, or an installation, that needs more memory than there is', async () => {
  const { envelopeBytes } = made.profile.limits;
  await unchanged({}, async ({ put, until, read }) => {
    assert.equal(await put('/5/0/0', new Uint8Array(envelopeBytes + 1)), 'too-large');
    await until('idle', 3);
    assert.equal(await put('/5/0/1', uri), 'changed');
    assert.equal(await read('/5/0/5'), '0');
  });
  const long = { [path]: new Uint8Array(envelopeBytes + 1) };
  const ramBytes = 2400;
  for (const stage of [{ files: long }, { profile: { ...made.profile, ramBytes } }]) {
    // Its bootloader lives on less than an installation takes.
    await unchanged(stage, async ({ put, until }) => {
      await put('/5/0/1', uri);
      await until('idle', 3);
    });
  }
});

test('S3-07: result 4: the link is down for longer than a download is tried', async () => {
  let isUp = true;
  await unchanged({ weather: { isUp: () => isUp } }, async ({ put, until, waits, device }) => {
    await put('/5/0/1', uri);
    isUp = false;
    await waits(1_800_000);
    assert.equal(device().machine().state, 'idle');
    isUp = true;
    await until('idle', 4);
  });
});

test('S3-07: result 4: a server that stops in the middle of a push; anew, it goes through', async () => {
  await managed(made, { flash: flashOf(made), files }, async ({ ask, put, until, execute, device }) => {
    await until('idle', 0);
    const stop = new AbortController();
    const half = (async function* () {
      yield image.subarray(0, 3000);
      await new Promise((_, reject) =>
        stop.signal.addEventListener('abort', () => reject(stop.signal.reason)),
      );
    })();
    const given = { body: half, signal: stop.signal };
    const pushed = ask('PUT', '/5/0/0', given).catch((error: unknown) => error);
    for (let looks = 0; device().machine().state !== 'downloading'; looks++) {
      assert.ok(looks < 1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    stop.abort(new Error('switched off'));
    await pushed;
    await until('idle', 4);
    assert.equal(await put('/5/0/0', envelope), 'changed');
    await until('downloaded', 0);
    assert.equal(await execute('/5/0/2'), 'changed');
    await until('idle', 1);
  });
});

test('S3-07: result 5: a payload that was not signed, and a signature that nobody trusts', async () => {
  const wrong = { ...files, [payloadPath]: image.with(9, (image[9] ?? 0) ^ 1) };
  await unchanged({ files: wrong }, async ({ put, until }) => {
    await put('/5/0/1', uri);
    await until('idle', 5);
  });
  const stranger = await made.release(image, 2, generateSigningKey('P-256'));
  await unchanged({}, async ({ put, until }) => {
    await put('/5/0/0', stranger);
    await until('idle', 5);
  });
});

test('S3-07: result 6: what is no SUIT envelope', async () => {
  await unchanged({}, async ({ put, until }) => {
    await put('/5/0/0', image.subarray(0, 1000));
    await until('idle', 6);
  });
});

test('S3-07: result 7: what is no URI, a URI to nothing, and one to where no way leads', async () => {
  await unchanged({}, async ({ put, until, execute }) => {
    for (const bad of ['not a URI', 'coap://server/manifests/none.suit', 'coap://nowhere/lamp.suit']) {
      assert.equal(await put('/5/0/1', bad), 'changed');
      await until('idle', 7);
      assert.equal(await execute('/5/0/2'), 'method-not-allowed');
    }
  });
});

test('S3-07: however often a server has asked in vain, what it asks for next is begun at once', async () => {
  await unchanged({}, async ({ put, until, nowMs }) => {
    for (let times = 0; times < 8; times++) {
      await put('/5/0/1', 'coap://server/manifests/none.suit');
      await until('idle', 7);
    }
    const beganMs = nowMs();
    await put('/5/0/1', uri);
    await until('downloaded', 0);
    assert.ok(nowMs() - beganMs < 30_000, `found ${nowMs() - beganMs} ms`);
  });
});

test('S3-07: result 8: a firmware that does not prove itself is taken back', async () => {
  const sick: Stage['behaviour'] = ({ slot }) => (slot === 1 ? 'sick' : 'sound');
  await unchanged({ behaviour: sick }, async ({ put, until, execute, boots }) => {
    await put('/5/0/0', envelope);
    await until('downloaded', 0);
    await execute('/5/0/2');
    await until('idle', 8);
    assert.deepEqual(boots, [0, 1, 0]);
  });
});

test('S3-07: result 8: an older firmware is no update, whoever hands it over', async () => {
  await unchanged({}, async ({ put, until }) => {
    await put('/5/0/0', await made.release(image, 0));
    await until('idle', 8);
  });
});

test('S3-07: result 9: a URI with a scheme that the device does not speak', async () => {
  await unchanged({}, async ({ put, until, ask }) => {
    assert.equal(await put('/5/0/1', 'ftp://server/lamp.suit'), 'changed');
    await until('idle', 9);
    const tlv = { headers: { accept: 'application/vnd.oma.lwm2m+tlv' } };
    assert.equal((await ask('GET', '/5/0/8', tlv)).status, 'ok');
  });
});

test('S3-07: result 10: cancelled, a download stops and what had come is removed', async () => {
  const flash = await unchanged(
    { weather: { bytesPerSecond: 500 } },
    async ({ put, until, execute, waits }) => {
      await put('/5/0/1', uri);
      await waits(20_000);
      await until('downloading', 0);
      assert.equal(await execute('/5/0/10'), 'changed');
      await until('idle', 10);
      await waits(60_000);
      // There is nothing left to cancel.
      assert.equal(await execute('/5/0/10'), 'method-not-allowed');
    },
  );
  assert.equal(recordOf(made, flash).slots[1].state, 'unusable');
});

test('S3-07: result 11: an application that is busy defers the update, until it is idle', async () => {
  let isBusy = true;
  const hooks = { isIdle: async () => !isBusy };
  await managed(
    made,
    { flash: flashOf(made), files, hooks },
    async ({ put, until, execute, waits, boots }) => {
      await until('idle', 0);
      await put('/5/0/1', uri);
      await until('downloaded', 0);
      await execute('/5/0/2');
      await until('downloaded', 11);
      await waits(3_600_000);
      assert.deepEqual(boots, [0]);
      isBusy = false;
      await until('idle', 1);
    },
  );
});

test('S3-07: result 11: an application asks for a better time, no longer than it is allowed to', async () => {
  const asked: number[] = [];
  const onInterruption = async () => (asked.push(1), 'later' as const);
  const stage = { flash: flashOf(made), files, hooks: { onInterruption } };
  await managed(made, stage, async ({ put, until, execute, nowMs, boots }) => {
    await until('idle', 0);
    assert.equal(await put('/5/0/13', '600'), 'changed');
    await put('/5/0/1', uri);
    await until('downloaded', 0);
    await execute('/5/0/2');
    const beganMs = nowMs();
    await until('downloaded', 11);
    await until('idle', 1);
    const tookMs = nowMs() - beganMs;
    assert.ok(tookMs > 600_000 && tookMs < 3 * 600_000, `found ${tookMs}`);
    assert.ok(asked.length > 2 && boots.at(-1) === 1);
  });
});

test('S3-07: a Maximum Defer Period of 0 allows no deferral', async () => {
  const hooks = { isIdle: async () => false, onInterruption: async () => 'later' as const };
  await managed(made, { flash: flashOf(made), files, hooks }, async ({ ask, put, until, execute }) => {
    await until('idle', 0);
    const body = bytesBody(new TextEncoder().encode('0'));
    assert.equal((await ask('PUT', '/5/0/13', { body })).status, 'changed');
    await put('/5/0/1', uri);
    await until('downloaded', 0);
    await execute('/5/0/2');
    await until('idle', 1);
  });
});
