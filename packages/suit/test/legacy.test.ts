/**
 * Manifests of older drafts: the same integers meant other things, so they are named and refused, never
 * run.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tagged, decode, encode } from '@lapel/cbor';
import type { Item } from '@lapel/cbor';
import { writeSequence } from '@lapel/suit';
import { anchors, compatible, fail, forge, match, process, recipient, refusal, seal } from './forge.ts';

const common = encode(
  new Map<Item, Item>([
    [2, [[Uint8Array.of(0)]]],
    [4, writeSequence(compatible)],
  ]),
);
const sequence = writeSequence([match]);
const manifest = (...elements: readonly (readonly [number, Item])[]) =>
  seal(encode(new Map<Item, Item>([[1, 1], [2, 1], [3, common], ...elements])));

test('trap 4: the numberings of drafts before -28 are told apart and refused', () => {
  const rows = [
    [
      [
        [9, sequence],
        [10, sequence],
      ],
      /drafts -04 to -16, where 9 was install/,
    ],
    [[[12, sequence]], /drafts -04 to -16/],
    [
      [
        [7, sequence],
        [17, sequence],
      ],
      /drafts -17 to -27, where 17 was install/,
    ],
  ] as const;
  for (const [elements, message] of rows) {
    assert.throws(() => process(manifest(...elements)), refusal('setup', 'command-unsupported', message));
  }
});

test('trap 18: an element of the manifest that nobody knows is refused', () => {
  for (const key of [26, 255, -1]) {
    assert.throws(
      () => process(manifest([key, sequence])),
      refusal('setup', 'command-unsupported', new RegExp(`unknown key ${key}`)),
    );
  }
});

test('an unknown element with a fault behind it ends as a SuitError, too', () => {
  const broken = Uint8Array.of(0xa4, 1, 1, 2, 1, 5, 0, 6, 0xff);
  assert.throws(() => process(seal(broken)), refusal('parse', 'cbor-parse'));
});

test('X-60, §6.1: another version of the encoding is refused before anything else is read', () => {
  for (const version of [0, 2, 1000]) {
    const other = seal(Uint8Array.of(0xa2, 1, ...encode(version), 0xff, 0xff));
    assert.throws(
      () => process(other),
      refusal('setup', 'parameter-unsupported', /expected manifest-version 1/),
    );
  }
});

test('§8.2: tag 48 and an untagged map are told by name', () => {
  const { content } = decode(forge({ sections: { validate: [fail] } })) as Tagged;
  for (const [bytes, message] of [
    [encode(new Tagged(48, content)), /found tag 48, as drafts -09 to -13 used it/],
    [encode(content), /found an untagged map/],
    [encode(new Tagged(108, content)), /expected tag 107, found 108/],
    [encode([]), /expected tag 107, found no tag/],
  ] as const) {
    assert.throws(
      () => process(bytes, recipient(), 'update', anchors),
      refusal('parse', 'cbor-parse', message),
    );
  }
});
