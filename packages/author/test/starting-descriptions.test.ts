/** Each template: description, envelope, a device that accepts it and does what the pattern says. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { generateSigningKey, keyToPem, recipientKey } from '@lapel/cose';
import type { StartingAnswers, TemplateName } from '@lapel/author';
import {
  descriptionSchema,
  filesOfTemplate,
  parseDescription,
  startingDescription,
  templateNames,
  usualAnswers,
} from '@lapel/author';
import { imageOf } from './memory-images.ts';
import type { Built, Files } from './virtual-device.ts';
import { built, deviceWith, holds, otherAuthor, runOn, told } from './virtual-device.ts';

const accepts = new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true }).compile(
  descriptionSchema(),
);
const deviceKey = generateSigningKey('P-256');

/** Another author's, for a component that no template speaks of. */
const needed = await built(
  'sequence: 1\nvendor: lapel.example\nclass: lamp\ncomponent: other\nimage: other.bin\nuninstall: true\n',
  { 'other.bin': imageOf('the image of another author') },
  otherAuthor,
);

/** Something of its kind for each file that a template needs. */
function contentOf(path: string): Uint8Array {
  if (path.endsWith('.suit')) return needed.envelope;
  return imageOf(path.endsWith('.pem') ? keyToPem(deviceKey.public) : `the content of ${path}`);
}

async function begun(name: TemplateName, answers: StartingAnswers = usualAnswers) {
  const text = startingDescription(name, answers);
  const files: Files = Object.fromEntries(
    filesOfTemplate(name, answers).map((path) => [path, contentOf(path)]),
  );
  return { text, files, update: await built(text, files) };
}

const names = ['main', 'ram', 'download', 'radio', 'radio-manifest', 'application-manifest', 'other'];

function device({ served }: Built, slot = 0) {
  const components = Object.fromEntries([...names, 'tee/main'].map((each) => [each, new Uint8Array()]));
  const payloads = new Map([...served, ...needed.served]);
  return deviceWith(components, { payloads, slot, decryptionKeys: [recipientKey(deviceKey)] });
}

/** What an update and a start after it do on a new device. */
const expected: Readonly<Record<TemplateName, readonly [update: string, start: string]>> = {
  single: ['fetch main', 'invoke main'],
  ab: ['fetch main', 'invoke main'],
  'delete-first': ['fetch main', ''],
  load: ['fetch main', 'copy ram, invoke ram'],
  compressed: ['fetch main', ''],
  encrypted: ['fetch download, copy main', 'invoke main'],
  multi: ['fetch main, fetch radio', 'invoke main'],
  dependency: ['fetch radio-manifest, fetch other, fetch main', 'invoke main'],
  uninstall: ['fetch main', ''],
  personalization: ['write application-manifest, fetch other, write tee/main', ''],
};

/** A Recipient that is data stores what it fetches as it came. */
const packed: readonly TemplateName[] = ['delete-first', 'compressed'];

for (const name of templateNames) {
  test(`S0-30, manifest-37 §7: the template ${name} becomes an envelope that a device accepts`, async () => {
    const { text, update } = await begun(name);
    assert.ok(accepts(parse(text)), name);
    const [installing, starting] = expected[name];
    const by = device(update);
    if (packed.includes(name)) {
      // What it fetches has the digest that the firmware server knows it by, and not the image's.
      assert.equal(told(by, runOn(by, update)), `${installing}, condition-failed`);
      return;
    }
    assert.equal(told(by, runOn(by, update)), installing);
    by.trace.length = 0;
    assert.equal(told(by, runOn(by, update, 'invocation')), starting);
  });
}

test('§7.7: of the template ab each slot gets its own image', async () => {
  const { update, files } = await begun('ab');
  for (const [slot, image] of Object.values(files).entries()) {
    const by = device(update, slot);
    runOn(by, update);
    assert.deepEqual(holds(by, 'main'), image);
  }
});

test('firmware-encryption §4, S4-67: with the key a device gets what a template encrypts', async () => {
  for (const [name, component] of [
    ['encrypted', 'main'],
    ['personalization', 'tee/main'],
  ] as const) {
    const { update, files } = await begun(name);
    const by = device(update);
    runOn(by, update);
    assert.deepEqual(holds(by, component), files[usualAnswers.image]);
    const without = deviceWith(
      Object.fromEntries([...names, 'tee/main'].map((each) => [each, new Uint8Array()])),
      { payloads: new Map([...update.served, ...needed.served]) },
    );
    assert.match(told(without, runOn(without, update)), /unauthorised$/, name);
  }
});

test('trust-domains §6: what the templates install goes again', async () => {
  for (const [name, steps] of [
    ['uninstall', 'unlink main'],
    ['personalization', 'unlink tee/main, unlink application-manifest'],
  ] as const) {
    const { update } = await begun(name);
    const by = device(update);
    assert.equal(runOn(by, update).failure, undefined);
    by.trace.length = 0;
    assert.equal(told(by, runOn(by, update, 'uninstall')), steps);
  }
});

test('S0-30: whatever somebody answers stands in the description as it was answered', () => {
  const answers: StartingAnswers = {
    vendor: '01234567-89ab-4def-8123-456789abcdef',
    class: 'true',
    component: 'a: "b" # c',
    image: 'my build/lamp 1.bin',
    version: '1.10',
  };
  for (const name of templateNames) {
    const { components, classIdentifier, text } = parseDescription(startingDescription(name, answers));
    assert.equal(new TextDecoder().decode(components[0]?.id.at(-1)), answers.component);
    assert.match(components[0]?.images[0]?.image ?? '', /^my build\/lamp 1(?:-a)?\.bin$/);
    assert.equal(text?.rest[0]?.[1].rest[0]?.[1].componentVersion, '1.10');
    const plain = parseDescription(startingDescription(name, { ...answers, class: 'lamp' }));
    assert.notDeepEqual(classIdentifier, plain.classIdentifier);
  }
});
