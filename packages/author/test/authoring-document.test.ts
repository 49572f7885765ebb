/** docs/authoring.md: its examples work, and it tells every key. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { digest, encodeWrappingKey, generateSigningKey, generateWrappingKey, keyToPem } from '@lapel/cose';
import { readEnvelope, server, writeEnvelope } from '@lapel/suit';
import { buildEnvelope, parseDescription } from '@lapel/author';
import { imageOf } from './memory-images.ts';

const document = readFileSync(join(import.meta.dirname, '../../../docs/authoring.md'), 'utf8');
const examples = [...document.matchAll(/^```yaml\n(?<yaml>.*?)^```$/gms)].map(
  ({ groups }) => groups?.['yaml'] ?? '',
);

const keys: Readonly<Record<string, Uint8Array>> = {
  'keys/lamp-1.key': encodeWrappingKey(generateWrappingKey('A128KW')),
  'keys/lamp-2.pub.pem': imageOf(keyToPem(generateSigningKey('P-256').public)),
};
const anyImage = {
  measure: async (path: string) => ({ sizeBytes: path.length, digest: digest('sha-256', imageOf(path)) }),
  read: async (path: string) => keys[path] ?? imageOf(path),
};

test('S0-30: docs/authoring.md has five complete examples', () => assert.equal(examples.length, 5));

for (const [index, example] of examples.entries()) {
  test(`S0-30: example ${index + 1} of docs/authoring.md becomes an envelope`, async () => {
    const description = parseDescription(example, 'authoring.md');
    const keep = async () => {};
    const world = { images: anyImage, clock: { wallMs: () => 1_763_712_345_678 }, keep };
    const bytes = writeEnvelope(await buildEnvelope(description, world));
    assert.equal(readEnvelope(bytes, server).blocks.length, 0);
  });
}

test('S0-30: docs/authoring.md tells every key that a description may have', () => {
  const head = 'sequence: 1\nvendor: v\nclass: c\n';
  const keysOf = (text: string) => {
    try {
      parseDescription(text);
    } catch (error) {
      return /known are (?<keys>.*)$/.exec(String(error))?.groups?.['keys']?.split(', ') ?? [];
    }
    return [];
  };
  const told = [
    ...keysOf('zzzzzzzzzz: 1'),
    ...keysOf(`${head}components: [{ zzzzzzzzzz: 1 }]`),
    ...keysOf(`${head}component: m\nimage: i\ntext: { en: { zzzzzzzzzz: 1 } }`),
  ];
  assert.ok(told.length > 30);
  for (const key of told) assert.match(document, new RegExp(`\`${key}\``), key);
});
