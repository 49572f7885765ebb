/** draft-ietf-suit-trust-domains-12 §8.1: a description that needs the manifests of others. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bstr, hex, read } from '@lapel/cbor';
import { decodeDecryptionKey, digest, encodeWrappingKey, generateWrappingKey } from '@lapel/cose';
import { ImageError, buildEnvelope, outlineEnvelope, parseDescription, publishedUri } from '@lapel/author';
import type { Procedure } from '@lapel/suit';
import { linux, readEnvelope, readManifest, writeEnvelope } from '@lapel/suit';
import { imageOf, memoryImages } from './memory-images.ts';
import type { Built, Files } from './virtual-device.ts';
import { built, clock, deviceWith, holds, otherAuthor, runOn, told } from './virtual-device.ts';

const head = 'sequence: 2\nvendor: lapel.example\nclass: lamp\n';
const images = { 'app.bin': imageOf('the application'), 'radio.bin': imageOf('the radio') };

const radio = await built(
  `${head}component: radio\nimage: radio.bin\nstaging: download\n`,
  images,
  otherAuthor,
);
const files = { ...images, 'radio.suit': radio.envelope };
const application = `${head}component: main\nimage: app.bin\nbootable: true\n`;
const needing = (more = '', dependency = '') =>
  `${application}${more}dependencies: [{ id: shelf, envelope: radio.suit${dependency} }]\n`;

const empty = new Uint8Array();
const parts = { main: empty, shelf: empty, radio: empty, download: empty };

function outcome(update: Built, components: Files = parts, procedure: Procedure = 'update'): string {
  const device = deviceWith(components, { payloads: new Map([...update.served, ...radio.served]) });
  return told(device, runOn(device, update, procedure));
}

test('S0-07, S4-62: a dependency is fetched and checked before any payload, then processed', async () => {
  const update = await built(needing(), files);
  assert.equal(outcome(update), 'fetch shelf, fetch download, copy radio, fetch main');
  const { uris, payloads } = {
    ...outlineEnvelope(update.envelope).summary,
    ...outlineEnvelope(update.envelope),
  };
  assert.ok(uris.includes(publishedUri(digest('sha-256', radio.envelope))));
  // Whoever publishes finds the envelope by that digest, like any payload.
  assert.ok(payloads.some((each) => each.digest === hex(digest('sha-256', radio.envelope))));
});

test('X-88, §5.6.4: at every start a dependency is proved again, and nothing starts without it', async () => {
  const update = await built(needing(), files);
  const installed = { ...parts, main: images['app.bin'], radio: images['radio.bin'], shelf: radio.envelope };
  assert.equal(outcome(update, installed, 'invocation'), 'invoke main');
  assert.equal(outcome(update, { ...installed, shelf: empty }, 'invocation'), 'operation-failed');
  assert.equal(outcome(update, { ...installed, radio: images['app.bin'] }, 'invocation'), 'condition-failed');
});

test('S0-07, §8.1.1: a dependency may travel in the envelope, under a name or a URI', async () => {
  const update = await built(needing('', ', integrated: true'), files);
  assert.deepEqual([...readEnvelope(update.envelope, linux).payloads.keys()], ['#radio.suit']);
  assert.equal(outcome(update), 'write shelf, fetch download, copy radio, fetch main');
  const uri = 'http://lapel.example/radio.suit';
  const named = await built(needing('', `, integrated: true, uri: "${uri}"`), files);
  assert.equal(outcome(named), 'write shelf, fetch download, copy radio, fetch main');
  // Cut off, it can still be fetched from there.
  const cut = writeEnvelope({ ...readEnvelope(named.envelope, linux), payloads: new Map() });
  const served = new Map([...named.served, [uri, radio.envelope]]);
  assert.equal(outcome({ envelope: cut, served }), 'fetch shelf, fetch download, copy radio, fetch main');
});

test('X-14, trust-domains §8.2: a dependency is encrypted for devices, fetched or carried', async () => {
  const key = generateWrappingKey('A128KW');
  const own = decodeDecryptionKey(encodeWrappingKey(key));
  for (const [way, does] of [
    ['', 'fetch shelf'],
    [', integrated: true', 'write shelf'],
  ]) {
    const update = await built(needing('', `, encryptFor: [device.key]${way}`), {
      ...files,
      'device.key': encodeWrappingKey(key),
    });
    // Whoever carries it finds neither its envelope nor where it fetches from.
    const carried = [update.envelope, ...update.served.values()].filter((each) => each !== radio.envelope);
    const secret = publishedUri(digest('sha-256', images['radio.bin']));
    assert.ok(Buffer.from(radio.envelope).includes(secret));
    for (const bytes of carried) assert.ok(!Buffer.from(bytes).includes(secret));
    const payloads = new Map([...update.served, ...radio.served]);
    const device = deviceWith(parts, { payloads, decryptionKeys: [own] });
    assert.equal(told(device, runOn(device, update)), `${does}, fetch download, copy radio, fetch main`);
    assert.deepEqual(holds(device, 'shelf'), radio.envelope);
    const stranger = deviceWith(parts, { payloads });
    assert.match(told(stranger, runOn(stranger, update)), /operation-failed|unauthorised|condition-failed/);
    assert.equal(holds(stranger, 'radio')?.length, 0);
  }
});

test('X-88, §5.2.2: the description gives a prefix to the components of a dependency', async () => {
  const update = await built(needing('', ', prefix: tee'), files);
  const { common } = readManifest(read(bstr, readEnvelope(update.envelope, linux).manifest));
  assert.deepEqual(common.dependencies, [[1, { prefix: [imageOf('tee')] }]]);
  const behind = { main: empty, shelf: empty, 'tee/radio': empty, 'tee/download': empty };
  assert.equal(outcome(update, behind), 'fetch shelf, fetch tee/download, copy tee/radio, fetch main');
});

test('X-88: a description may bring nothing but dependencies', async () => {
  const update = await built(
    `${head}dependencies: [{ id: shelf, envelope: radio.suit, integrated: true }]\n`,
    files,
  );
  assert.equal(outcome(update), 'write shelf, fetch download, copy radio');
});

test('X-88, §7.1: who installs without having fetched checks dependencies and what was staged', async () => {
  const update = await built(needing('candidateVerification: true\n'), files);
  const staged = { ...parts, shelf: radio.envelope, download: images['radio.bin'] };
  assert.equal(outcome(update, staged, 'installation'), 'copy radio, fetch main');
  assert.equal(outcome(update, { ...staged, shelf: empty }, 'installation'), 'operation-failed');
  const own = await built(
    `${head}component: main\nimage: app.bin\nstaging: download\ncandidateVerification: true\n`,
    files,
  );
  const held = (download: Uint8Array) => ({ main: empty, download });
  assert.equal(outcome(own, held(images['app.bin']), 'installation'), 'copy main');
  assert.equal(outcome(own, held(images['radio.bin']), 'installation'), 'condition-failed');
});

test('X-88, §6: uninstalling unlinks what the manifest installs, and then its dependencies', async () => {
  const uninstalling = await built(
    `${head}component: radio\nimage: radio.bin\nstaging: download\nuninstall: true\n`,
    images,
    otherAuthor,
  );
  const update = await built(needing('uninstall: true\n'), { ...files, 'radio.suit': uninstalling.envelope });
  const components = { ...parts, main: images['app.bin'], shelf: uninstalling.envelope };
  const device = (others: readonly string[]) => {
    const own = hex(outlineEnvelope(update.envelope).digest.bytes);
    const references = new Map([['7368656c66', new Set([own, ...others])]]);
    const by = deviceWith(components, { references });
    return told(by, runOn(by, update, 'uninstall'));
  };
  const all = 'unlink main, remove main, unlink shelf, remove shelf, unlink radio, unlink download';
  assert.equal(device([]), all);
  // Another manifest needs the radio still.
  assert.equal(device(['00']), 'unlink main, remove main, unlink shelf');
});

test('S4-84: a file that is no envelope, or that nobody has signed, is no dependency', async () => {
  const unsigned = writeEnvelope(
    await buildEnvelope(parseDescription(`${head}component: radio\nimage: radio.bin\n`), {
      images: memoryImages(images),
      clock,
    }),
  );
  const damaged = new Uint8Array(radio.envelope);
  damaged[damaged.length - 1]! ^= 1;
  for (const [content, message] of [
    [unsigned, /expected a signed envelope in radio\.suit, found no signature; `lapel sign radio\.suit/],
    [imageOf('no envelope'), /expected the envelope of a dependency in radio\.suit: /],
    [damaged, /expected the envelope of a dependency in radio\.suit: /],
    [empty, /expected the envelope of a dependency in radio\.suit: /],
  ] as const) {
    await assert.rejects(built(needing(), { ...images, 'radio.suit': content }), (error: Error) => {
      assert.ok(error instanceof ImageError, String(error));
      assert.match(error.message, message);
      return true;
    });
  }
});

test('X-88: another manifest in the place of a dependency is not processed', async () => {
  const update = await built(needing(), files);
  const other = await built(`${head}component: radio\nimage: app.bin\n`, images, otherAuthor);
  const uri = publishedUri(digest('sha-256', radio.envelope));
  const payloads = new Map([...update.served, [uri, other.envelope]]);
  const device = deviceWith(parts, { payloads });
  assert.equal(told(device, runOn(device, update)), 'fetch shelf, operation-failed');
  assert.equal(holds(device, 'radio')?.length, 0);
});
