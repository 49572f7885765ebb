/** docs/authoring.md: its examples work, and it tells every key. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { digest, encodeWrappingKey, generateSigningKey, generateWrappingKey, keyToPem } from '@lapel/cose';
import { readEnvelope, server, writeEnvelope } from '@lapel/suit';
import {
  buildEnvelope,
  descriptionSchema,
  parseDescription,
  signEnvelope,
  templateNames,
} from '@lapel/author';
import { imageOf, memoryImages } from './memory-images.ts';

const document = readFileSync(join(import.meta.dirname, '../../../docs/authoring.md'), 'utf8');
const examples = [...document.matchAll(/^```yaml\n(?<yaml>.*?)^```$/gms)].map(
  ({ groups }) => groups?.['yaml'] ?? '',
);

const clock = { wallMs: () => 1_763_712_345_678 };
const publicKey = imageOf(keyToPem(generateSigningKey('P-256').public));

/** As another author signed it. */
async function dependency(component: string): Promise<Uint8Array> {
  const description = parseDescription(
    `sequence: 1\nvendor: lapel.example\nclass: gateway\ncomponent: ${component}\nimage: a.bin\n`,
  );
  const images = memoryImages({ 'a.bin': imageOf('an image') });
  const envelope = writeEnvelope(await buildEnvelope(description, { images, clock }));
  return signEnvelope(envelope, generateSigningKey('P-256'));
}

/** Files of the examples that must hold something of their kind; images may hold anything. */
const files: Readonly<Record<string, Uint8Array>> = {
  'keys/lamp-1.key': encodeWrappingKey(generateWrappingKey('A128KW')),
  'keys/lamp-2.pub.pem': publicKey,
  'mud.pub.pem': publicKey,
  'radio.suit': await dependency('radio'),
  'wallet.suit': await dependency('wallet'),
  'build/lamp-1.2.0.coswid': Uint8Array.of(0xa0),
};
const anyImage = {
  measure: async (path: string) => ({ sizeBytes: path.length, digest: digest('sha-256', imageOf(path)) }),
  read: async (path: string) => files[path] ?? imageOf(path),
};

test('S0-30: docs/authoring.md has seven complete examples', () => assert.equal(examples.length, 7));

for (const [index, example] of examples.entries()) {
  test(`S0-30: example ${index + 1} of docs/authoring.md becomes an envelope`, async () => {
    const description = parseDescription(example, 'authoring.md');
    const keep = async () => {};
    const world = { images: anyImage, clock, keep };
    const bytes = writeEnvelope(await buildEnvelope(description, world));
    assert.equal(readEnvelope(bytes, server).blocks.length, 0);
  });
}

test('S0-30: docs/authoring.md tells every key that a description may have', () => {
  const told = keysIn(descriptionSchema());
  assert.ok(told.size > 70);
  for (const key of told) assert.match(document, new RegExp(`\`${key}\``), key);
});

/** The names of all properties that a schema has anywhere. */
function keysIn(schema: unknown): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, each] of Object.entries(value)) {
      if (key === 'properties') for (const name of Object.keys(each as object)) found.add(name);
      visit(each);
    }
  };
  visit(schema);
  return found;
}

test('S0-30: docs/authoring.md tells every template', () => {
  for (const name of templateNames) assert.match(document, new RegExp(`^\\| \`${name}\` \\|`, 'm'), name);
});
