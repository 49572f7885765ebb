/** Images that do not travel as they are: what the manifest says of them, and what is kept for the server. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex, read } from '@lapel/cbor';
import { digest, generateSigningKey } from '@lapel/cose';
import type { Effect } from '@lapel/suit';
import { PayloadFormat, admit, authenticate, driveSync, linux, run, writeEnvelope } from '@lapel/suit';
import type { FormattedPayload } from '@lapel/author';
import {
  ImageError,
  buildEnvelope,
  compress,
  delta,
  inspectEnvelope,
  inspectionText,
  outlineEnvelope,
  parseDescription,
  publishedUri,
  signEnvelope,
} from '@lapel/author';
import { imageOf, memoryImages } from './memory-images.ts';

const images = {
  'old.bin': imageOf('a lamp that is on, a lamp that is off; '.repeat(40)),
  'new.bin': imageOf('a lamp that is on, a lamp that is dim, a lamp that is off; '.repeat(30)),
  'x/new.bin': imageOf('another new one'),
};
const [old, image] = [images['old.bin'], images['new.bin']];
const key = generateSigningKey('Ed25519');
const head = 'sequence: 1\nvendor: lapel.example\nclass: lamp\n';

async function built(description: string) {
  const kept: FormattedPayload[] = [];
  const envelope = await buildEnvelope(parseDescription(head + description), {
    images: memoryImages(images),
    clock: { wallMs: () => 0 },
    keep: async (payload) => void kept.push(payload),
  });
  return { bytes: signEnvelope(writeEnvelope(envelope), key), kept };
}

/** What a device in a slot is told to fetch. */
function fetchesOf(bytes: Uint8Array, slot = 0) {
  const authentic = authenticate(bytes, [{ key: key.public }], linux);
  const admitted = admit(authentic, { limits: linux, hasComponent: () => true, floor: () => undefined });
  const fetches: Extract<Effect, { readonly do: 'fetch' }>[] = [];
  driveSync(run(admitted, 'update'), (effect) => {
    if (effect.do === 'fetch') fetches.push(effect);
    if (effect.do === 'slot') return effect.slot === slot;
    return effect.do === 'digest' ? digest('sha-256', image) : true;
  });
  return fetches;
}

const wanted = { digest: { algorithm: 'sha-256', bytes: digest('sha-256', image) }, sizeBytes: image.length };
const precursor = { digest: digest('sha-256', old), sizeBytes: old.length };

const formats = [
  ['compress: true', compress(image), { format: 'compressed' }, 'new.bin.compressed'],
  ['deltaFrom: old.bin', delta(old, image), { format: 'delta', precursor }, 'new.bin.from-old.bin.delta'],
] as const;

for (const [line, payload, format, name] of formats) {
  test(`S4-112, S4-05: what is fetched is another file, what is installed the image: ${line}`, async () => {
    const { bytes, kept } = await built(`component: main\nimage: new.bin\n${line}\n`);
    assert.deepEqual(
      kept.map((each) => [each.name, each.content]),
      [[name, payload]],
    );
    const [fetch, ...others] = fetchesOf(bytes);
    assert.ok(fetch !== undefined && others.length === 0);
    assert.deepEqual(fetch.expected, wanted);
    assert.equal(fetch.uri, publishedUri(digest('sha-256', payload)));
    const sizeBytes = payload.length;
    assert.deepEqual(read(PayloadFormat, fetch.arguments ?? new Uint8Array()), {
      version: 1,
      ...format,
      sizeBytes,
    });
    assert.deepEqual(outlineEnvelope(bytes).payloads, [
      { digest: hex(digest('sha-256', payload)), sizeBytes },
    ]);
    const shown = inspectionText(inspectEnvelope(bytes));
    const to = 'precursor' in format ? `, to ${old.length} bytes with sha-256 ${hex(precursor.digest)}` : '';
    assert.ok(shown.includes(`fetch-arguments (25)  ${format.format}, ${sizeBytes} bytes${to}\n`), shown);
  });
}

test('S4-112: an address of its own is kept, and the payload belongs there', async () => {
  const uri = 'https://downloads.lapel.example/new';
  const { bytes, kept } = await built(`component: main\nimage: new.bin\ncompress: true\nuri: ${uri}\n`);
  assert.equal(fetchesOf(bytes)[0]?.uri, uri);
  assert.deepEqual(kept[0]?.content, compress(image));
});

test('S4-112: without compression, and with compress: false, nothing is made', async () => {
  const plain = await built('component: main\nimage: new.bin\n');
  const said = await built('component: main\nimage: new.bin\ncompress: false\n');
  assert.deepEqual([plain.kept, said.kept], [[], []]);
  assert.equal(fetchesOf(plain.bytes)[0]?.arguments, undefined);
  assert.equal(
    outlineEnvelope(plain.bytes).digest.bytes.join(),
    outlineEnvelope(said.bytes).digest.bytes.join(),
  );
});

test('S4-05, §7.7: each slot has a payload of its own, made as it says', async () => {
  const slots = '[{ image: new.bin, deltaFrom: old.bin }, { image: old.bin, compress: true }]';
  const { bytes, kept } = await built(`component: main\nslots: ${slots}\n`);
  assert.equal(kept.length, 2);
  const fetched = [0, 1].map((slot) => fetchesOf(bytes, slot)[0]);
  assert.deepEqual(
    fetched.map((fetch) => fetch?.uri),
    kept.map((each) => publishedUri(each.digest)),
  );
  assert.deepEqual(
    fetched.map((fetch) => read(PayloadFormat, fetch?.arguments ?? new Uint8Array()).format),
    ['delta', 'compressed'],
  );
});

test('S4-112, §7.4: a compressed image is staged and copied as it will be', async () => {
  const { bytes } = await built('component: main\nimage: new.bin\ncompress: true\nstaging: outside\n');
  const [fetch] = fetchesOf(bytes);
  assert.equal(new TextDecoder().decode(fetch?.component[0]), 'outside');
  assert.deepEqual(fetch?.expected.digest, wanted.digest);
  assert.equal(read(PayloadFormat, fetch?.arguments ?? new Uint8Array()).format, 'compressed');
});

test('S0-30: a precursor that is not there is named', async () => {
  await assert.rejects(
    built('component: main\nimage: new.bin\ndeltaFrom: older.bin\n'),
    /older\.bin, found none/,
  );
});

test('S0-30: two images of one name have no room for their payloads in one folder', async () => {
  const two =
    'components: [{ id: a, image: new.bin, compress: true }, { id: b, image: x/new.bin, compress: true }]';
  await assert.rejects(built(two), ImageError);
});
