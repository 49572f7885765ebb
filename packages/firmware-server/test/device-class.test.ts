/** A manifest that the registered devices could not install is not published, and its author is told why. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import type { DeviceClass } from '@lapel/firmware-server';
import { class1 } from '@lapel/suit';
import { pattern, sha256 } from './blobs-suite.ts';
import { forge, lamp, lock, vendor } from './forge.ts';
import { assertProblem, post, serving, upload } from './serving.ts';

const image = pattern(10_000);
const lamps: DeviceClass = {
  name: 'lapel.example/lamp',
  vendorIdentifier: vendor,
  classIdentifier: lamp,
  limits: class1,
  components: new Map([[Buffer.from('app').toString('hex'), 10_000]]),
};

async function published(
  context: TestContext,
  kind: Partial<DeviceClass>,
  forging: Partial<Parameters<typeof forge>[0]> = {},
) {
  const { ask, server } = await serving(context, { deviceClasses: [{ ...lamps, ...kind }] });
  await upload(ask, sha256(image), image);
  return { response: await post(ask, forge({ sequenceNumber: 1, image, ...forging }).bytes), server };
}

test('X-19, REQ.SEC.MFST.CHECK: what the registered devices can install is published', async (context) => {
  const { response } = await published(context, {});
  assert.equal(response.status, 'created');
});

test('X-19, REQ.SEC.MFST.CHECK: an image that is too large for them is refused', async (context) => {
  const components = new Map([[Buffer.from('app').toString('hex'), 9999]]);
  const { response, server } = await published(context, { components });
  await assertProblem(
    response,
    'unprocessable',
    /^devices of the class lapel\.example\/lamp have no room .* at most 9999 bytes for 617070, found 10000$/,
  );
  assert.deepEqual(server.catalog.all(), []);
});

test('X-19, REQ.SEC.MFST.CHECK: a component that they do not have is refused', async (context) => {
  const { response, server } = await published(context, {}, { component: 'radio' });
  await assertProblem(
    response,
    'unprocessable',
    /^devices of the class lapel\.example\/lamp would refuse it, component-unsupported: /,
  );
  assert.deepEqual(server.catalog.all(), []);
});

test('X-19, REQ.SEC.MFST.CHECK: an envelope that is longer than they take is refused', async (context) => {
  const limits = { ...class1, envelopeBytes: 100 };
  const { response } = await published(context, { limits });
  await assertProblem(
    response,
    'unprocessable',
    /would refuse it, .*: expected an envelope of at most 100 bytes, found \d+$/,
  );
});

test('X-19: what is for another class is none of their business', async (context) => {
  const { response } = await published(context, { components: new Map() }, { class: lock });
  assert.equal(response.status, 'created');
});
