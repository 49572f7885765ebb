/** Payloads that are not the image itself: what is unpacked on the way into a slot, and what is refused. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { component, makeUpdate, norFlash, seededRandom, servedFromMemory } from '@lapel/simulator';
import type { Part } from '@lapel/simulator';
import { bootsOf, given, liveUntilQuiet, offers, seenIn, stepNames } from './life.ts';
import { className, flashOf, make } from './world.ts';

const made = await make({ imagePages: 12, imageBytes: 18_003 });
/** The installed image with a stretch changed, one moved and one put in: what a compiler makes of a patch. */
const next = changed(made.image);

function changed(image: Uint8Array): Uint8Array {
  const random = seededRandom(7);
  const parts = [
    image.subarray(0, 5000),
    random.bytes(211),
    image.subarray(5003, 12_000),
    image.subarray(200, 900),
  ];
  return new Uint8Array(Buffer.concat([...parts, image.subarray(12_000)]));
}

async function release(part: Omit<Part, 'component'>, sequence = 2) {
  const payloads: Uint8Array[] = [];
  const envelope = await makeUpdate({
    parts: [{ component, ...part }],
    sequence,
    version: `1.${sequence}.0`,
    className,
    key: made.author,
    onPayload: (content) => payloads.push(content),
  });
  return { envelope, payloads };
}

async function update(part: Omit<Part, 'component'>, wrongPayloads = 0) {
  const { envelope, payloads } = await release(part);
  const flash = flashOf(made);
  const handler = servedFromMemory(payloads, wrongPayloads);
  const lived = await liveUntilQuiet(made, { flash, handler, connect: () => offers(() => given(envelope)) });
  return { ...lived, flash, payloads };
}

for (const [name, format] of [
  ['S4-112: a compressed payload', 'compressed'],
  ['S4-05: a difference to what is installed', { precursor: made.image }],
] as const) {
  test(`${name} becomes the image, and runs`, async () => {
    const lived = await update({ image: next, format });
    assert.equal(bootsOf(lived), '0 1t');
    assert.equal(seenIn(made, lived.flash).slots[1]?.state, 'confirmed');
    const [payload] = lived.payloads;
    if (typeof format === 'object')
      assert.ok((payload?.length ?? 0) < next.length / 8, `${payload?.length} bytes`);
  });

  test(`${name} goes on after a power cut at any operation`, async () => {
    const { envelope, payloads } = await release({ image: next, format });
    const handler = servedFromMemory(payloads);
    const { geometry } = made.profile.layout;
    const connect = () => offers(() => given(envelope));
    for (let operation = 0; operation < 60; operation += 3) {
      const torn = operation % 2 === 0 ? false : seededRandom(operation);
      const cut = norFlash({ geometry, content: made.factory, cut: { operation, torn } });
      await liveUntilQuiet(made, { flash: cut, handler, connect });
      const flash = norFlash({ geometry, content: cut.dump(), carried: cut.carried() });
      await liveUntilQuiet(made, { flash, handler, connect });
      assert.equal(seenIn(made, flash).floor, 2, `operation ${operation}`);
    }
  });

  test(`${name} that arrives wrong is fetched again`, async () => {
    const lived = await update({ image: next, format }, 1);
    assert.equal(seenIn(made, lived.flash).slots[1]?.state, 'confirmed');
  });
}

test('S4-05, X-09, X-48: a difference to another image is refused before anything is written', async () => {
  const other = made.image.with(17, (made.image[17] ?? 0) ^ 1);
  const lived = await update({ image: next, format: { precursor: other } });
  assert.deepEqual(stepNames(lived), ['manifest-validated', 'fetching', 'failed']);
  assert.match(
    lived.steps.at(-1)?.[1] ?? '',
    /expected a precursor of 18003 bytes with sha-256 .*, found sha-256/,
  );
  assert.equal(lived.flash.operations, 0);
});
