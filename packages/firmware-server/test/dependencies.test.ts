/** A manifest that needs another one is published when devices could install both. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { generateSigningKey } from '@lapel/cose';
import { class1 } from '@lapel/suit';
import type { DeviceClass } from '@lapel/firmware-server';
import { pattern, sha256 } from './blobs-suite.ts';
import type { Forging } from './forge.ts';
import { forge, lamp, vendor } from './forge.ts';
import { assertProblem, post, serving, upload } from './serving.ts';

const [image, code] = [pattern(1000), pattern(500)];
const needed = forge({ sequenceNumber: 1, image: code, component: 'app' });

interface Publishing {
  /** What devices find as the envelope of the dependency. */
  readonly envelope?: Uint8Array;
  readonly uploads?: readonly Uint8Array[];
  readonly deviceClasses?: readonly DeviceClass[];
}

/** The dependency is fetched from the same server. */
async function published(context: TestContext, publishing: Publishing, forging: Partial<Forging> = {}) {
  const { envelope = needed.bytes, uploads = [image, code, envelope], deviceClasses = [] } = publishing;
  const { ask, server } = await serving(context, { deviceClasses });
  for (const each of uploads) await upload(ask, sha256(each), each);
  const dependency = { digest: needed.digest, uri: `../payloads/${sha256(envelope)}` };
  const root = forge({ sequenceNumber: 2, image, component: 'root', dependency, ...forging });
  return { response: await post(ask, root.bytes), server };
}

test('trust-domains §5: with its envelope and its payloads a dependency is published', async (context) => {
  const { response } = await published(context, {});
  assert.equal(response.status, 'created');
});

test('trust-domains §8.1.1: an envelope inside the other one is looked at, too', async (context) => {
  const dependency = { digest: needed.digest, uri: '#needed' };
  const integrated = new Map([['#needed', needed.bytes]]);
  const inside = (uploads: readonly Uint8Array[]) =>
    published(context, { uploads }, { dependency, integrated });
  assert.equal((await inside([image, code])).response.status, 'created');
  const { response } = await inside([image]);
  await assertProblem(response, 'unprocessable', /expected the payload [0-9a-f]+ to be uploaded before/);
});

test('REQ.SEC.MFST.CHECK: without its envelope or a payload of it neither is published', async (context) => {
  for (const uploads of [
    [image, code],
    [image, needed.bytes],
  ]) {
    const { response, server } = await published(context, { uploads });
    await assertProblem(response, 'unprocessable', /expected the payload [0-9a-f]+ to be uploaded before/);
    assert.deepEqual(server.catalog.all(), []);
  }
});

test('REQ.SEC.MFST.CHECK: a dependency that no author vouches for is refused', async (context) => {
  const key = generateSigningKey('Ed25519');
  const { bytes } = forge({ sequenceNumber: 1, image: code, component: 'app', key });
  const { response } = await published(context, { envelope: bytes });
  await assertProblem(response, 'unprocessable', /^envelope refused, unauthorised: /);
});

test('REQ.SEC.MFST.CHECK: another manifest than the one that is needed is refused', async (context) => {
  const { bytes } = forge({ sequenceNumber: 7, image: code, component: 'app' });
  const { response } = await published(context, { envelope: bytes });
  await assertProblem(response, 'unprocessable', /expected the dependency [0-9a-f]+, found the manifest/);
});

test('X-19, REQ.SEC.MFST.CHECK: what the registered devices have no room for is refused', async (context) => {
  const named = (name: string) => Buffer.from(name).toString('hex');
  const components = new Map([
    [named('root'), 1000],
    [named('other'), 4096],
    [named('app'), 499],
  ]);
  const tags = { name: 'lapel.example/tag', vendorIdentifier: vendor, classIdentifier: lamp, limits: class1 };
  const dependencies: DeviceClass['dependencies'] = (anchors) => ({ anchors, countMax: 4, depthMax: 2 });
  const { response } = await published(context, { deviceClasses: [{ ...tags, components, dependencies }] });
  await assertProblem(response, 'unprocessable', /have no room for it: .* at most 499 bytes/);
  const { response: other } = await published(context, { deviceClasses: [{ ...tags, components }] });
  await assertProblem(other, 'unprocessable', /would refuse it/);
});
