/** What is built runs: the templates of manifest-37 §7 on a recipient of the processor's own. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bstr, hex, read, unhex } from '@lapel/cbor';
import { digest, generateSigningKey } from '@lapel/cose';
import type { Answer, Effect, Procedure, Recipient } from '@lapel/suit';
import {
  admit,
  authenticate,
  componentName,
  driveSync,
  isSevered,
  linux,
  readManifest,
  run,
  uuidText,
  writeEnvelope,
} from '@lapel/suit';
import { ImageError, buildEnvelope, parseDescription, publishedUri, signEnvelope } from '@lapel/author';
import { imageOf, memoryImages } from './memory-images.ts';

const images = {
  'a.bin': imageOf('image a'),
  'b.bin': imageOf('image b, another'),
  'x/a.bin': imageOf('not a'),
};
const head = 'sequence: 1\nvendor: lapel.example\nclass: lamp\n';
const clock = { wallMs: () => 1_763_712_345_678 };
const key = generateSigningKey('Ed25519');

const build = async (description: string) =>
  buildEnvelope(parseDescription(head + description), { images: memoryImages(images), clock });

/** What the manifest asks of a device that says yes to everything and is in `slot`, in order. */
async function effectsOf(description: string, procedure: Procedure, slot = 0): Promise<readonly string[]> {
  const envelope = await build(description);
  const authentic = authenticate(signEnvelope(writeEnvelope(envelope), key), [{ key: key.public }], linux);
  const anything: Recipient = { limits: linux, hasComponent: () => true, floor: () => undefined };
  const effects: string[] = [];
  const ending = driveSync(run(admit(authentic, anything), procedure), (effect) => {
    effects.push(inWords(effect));
    return answer(effect, slot);
  });
  assert.equal(ending.failure, undefined);
  // §6.4: the shared sequence runs before every other one, so the checks in it come again and again.
  const asked = effects.slice(
    0,
    effects.findIndex((each) => !/^(?:slot|identify)/.test(each)),
  );
  assert.ok(asked.includes('identify vendor') && asked.includes('identify class'));
  return effects.filter((each) => !/^identify (?:vendor|class)$/.test(each));
}

function inWords(effect: Effect): string {
  const component = new TextDecoder().decode(effect.component[0]);
  switch (effect.do) {
    case 'identify':
      return `identify ${effect.which}`;
    case 'slot':
      return `slot ${effect.slot}?`;
    case 'fetch':
      return `fetch ${effect.uri} to ${component}`;
    case 'write':
      return `write ${effect.content.length} bytes to ${component}`;
    case 'copy':
      return `copy ${new TextDecoder().decode(effect.source[0])} to ${component}`;
    default:
      return `${effect.do} ${component}`;
  }
}

function answer(effect: Effect, slot: number): Answer {
  if (effect.do === 'slot') return effect.slot === slot;
  if (effect.do === 'identify') return true;
  if (effect.do !== 'digest') return undefined;
  const sizes = Object.values(images).find((image) => image.length === effect.sizeBytes);
  return digest('sha-256', sizes ?? images['a.bin']);
}

const payload = (name: keyof typeof images) => publishedUri(digest('sha-256', images[name]));

test('§7.3: a published payload is fetched by its digest, and proves itself', async () => {
  const description = 'component: main\nimage: a.bin\n';
  assert.deepEqual(await effectsOf(description, 'update'), [
    `fetch ${payload('a.bin')} to main`,
    'digest main',
    'digest main',
  ]);
  assert.deepEqual(await effectsOf(description, 'invocation'), ['digest main']);
});

test('§7.2: a bootable image is checked, then invoked', async () => {
  const effects = await effectsOf('component: main\nimage: a.bin\nbootable: true\n', 'invocation');
  assert.deepEqual(effects, ['digest main', 'invoke main']);
});

test('§7.5: an integrated payload travels in the envelope, under the URI that fetch names', async () => {
  const description = 'component: main\nimage: a.bin\nintegrated: true\n';
  const { payloads } = await build(description);
  assert.deepEqual([...payloads], [['#a.bin', images['a.bin']]]);
  assert.ok((await effectsOf(description, 'update')).includes('write 7 bytes to main'));
});

test('§7.5: two integrated payloads of one name are refused, the same one twice is not', async () => {
  const two = (second: string) => `components:
  - { id: one, image: a.bin, integrated: true }
  - { id: two, image: ${second}, integrated: true }
`;
  await assert.rejects(build(two('x/a.bin')), ImageError);
  assert.equal((await build(two('a.bin'))).payloads.size, 1);
});

test('§7.7: of two slots, only the one that is free gets its own image', async () => {
  const description = 'component: main\nslots: [{ image: a.bin }, { image: b.bin }]\nbootable: true\n';
  for (const [slot, name] of [
    [0, 'a.bin'],
    [1, 'b.bin'],
  ] as const) {
    const effects = await effectsOf(description, 'update', slot);
    assert.deepEqual(
      effects.filter((each) => each.startsWith('fetch')),
      [`fetch ${payload(name)} to main`],
    );
    assert.equal((await effectsOf(description, 'invocation', slot)).at(-1), 'invoke main');
  }
});

test('§7.4, §7.6: a payload is staged, installed and loaded where the description says', async () => {
  const description = 'component: main\nimage: a.bin\nstaging: outside\nload: ram\nbootable: true\n';
  assert.deepEqual(await effectsOf(description, 'update'), [
    `fetch ${payload('a.bin')} to outside`,
    'digest outside',
    'copy outside to main',
    'digest main',
    'digest main',
  ]);
  assert.deepEqual(await effectsOf(description, 'invocation'), [
    'digest main',
    'copy main to ram',
    'digest ram',
    'invoke ram',
  ]);
});

test('§8.4.8.5: an update for one device asks for its identifier', async () => {
  const device = '01234567-89ab-5def-8123-456789abcdef';
  const description = `deviceIdentifier: ${device}\ncomponent: main\nimage: a.bin\n`;
  assert.equal((await effectsOf(description, 'update'))[0], 'identify device');
  assert.equal(uuidText(unhex(device.replaceAll('-', '')) ?? new Uint8Array()), device);
});

test('§8.4.2: the word now makes the sequence number the time in seconds', async () => {
  const description = parseDescription(`${head.replace('1', 'now')}component: main\nimage: a.bin\n`);
  const { manifest } = await buildEnvelope(description, { images: memoryImages(images), clock });
  assert.equal(readManifest(read(bstr, manifest)).sequenceNumber, 1_763_712_345);
});

test('§8.6: what is severable stands outside, and its digest covers its head', async () => {
  const description = 'component: main\nimage: a.bin\nversion: 1.0.0\nseverable: [install, text]\n';
  const { manifest, severed } = await build(description);
  const { install, text } = readManifest(read(bstr, manifest));
  for (const [inside, outside] of [
    [install, severed.install],
    [text, severed.text],
  ] as const) {
    assert.ok(inside !== undefined && isSevered(inside) && outside !== undefined);
    assert.equal(hex(inside[1]), hex(digest('sha-256', outside)));
  }
});

test('§8.4.5: components stand in the order described, each before where its payload passes', async () => {
  const { manifest } = await build(`components:
  - { id: one, image: a.bin, staging: outside, load: ram }
  - { id: two, image: b.bin }
`);
  const { common } = readManifest(read(bstr, manifest));
  const names = (common.components ?? []).map(componentName);
  assert.deepEqual(names, ['6f6e65', '6f757473696465', '72616d', '74776f']);
});

test('S0-30: an image that is not there is named', async () => {
  await assert.rejects(build('component: main\nimage: c.bin\n'), /expected the image c\.bin, found none/);
});
