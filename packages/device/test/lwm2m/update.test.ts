/** Updates that a server of LwM2M triggers, on a real device: pushed and pulled, through restarts. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import { seededRandom } from '@lapel/simulator';
import { flashOf, make } from '../world.ts';
import { managed } from './managed.ts';

const imagePages = 16;
const made = await make({ imagePages });
const image = seededRandom(2).bytes(20_003);
const envelope = await made.release(image, 2);
const payloadPath = `/payloads/${hex(digest('sha-256', image))}`;
const files = { '/manifests/lamp.suit': envelope, [payloadPath]: image };
const uri = 'coap://server/manifests/lamp.suit';

test('S3-07: pushed in blocks, an envelope is proved, installed when it is told to, and runs', async () => {
  await managed(made, { flash: flashOf(made), files }, async ({ put, until, execute, read, boots }) => {
    await until('idle', 0);
    assert.equal(await read('/3/0/3'), '1.1.0');
    assert.equal(await put('/5/0/0', envelope), 'changed');
    await until('downloaded', 0);
    assert.deepEqual(boots, [0]);
    assert.equal(await execute('/5/0/2'), 'changed');
    await until('idle', 1);
    assert.deepEqual(boots, [0, 1]);
    assert.equal(await read('/3/0/3'), '1.2.0');
  });
});

test('S3-07: pulled from a URI, the same', async () => {
  await managed(
    made,
    { flash: flashOf(made), files },
    async ({ put, until, execute, read, boots, asked }) => {
      await until('idle', 0);
      assert.equal(await put('/5/0/1', uri), 'changed');
      assert.equal(await read('/5/0/3'), '1');
      await until('downloaded', 0);
      assert.equal(await read('/5/0/1'), uri);
      assert.equal(await execute('/5/0/2'), 'changed');
      await until('idle', 1);
      assert.equal(await read('/5/0/1'), '');
      assert.deepEqual(boots, [0, 1]);
      assert.ok(asked.includes(`GET ${payloadPath}`));
    },
  );
});
