/** The example firmware: images that a Cortex-M3 can start, and that say who they are as its README tells. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const lamp = new URL('../../../examples/lamp/', import.meta.url);
const versions = ['1.0.0', '1.1.0'] as const;

const ram = { start: 0x2000_0000, size: 10 * 1024 };
const vectorTableSize = 0xc0;
const identitySize = 80;
const slotSize = 52 * 1024;

for (const version of versions) {
  test(`S0-09: the image of lamp ${version} has a vector table that a Cortex-M3 can start from`, () => {
    const image = read(version);
    const words = new DataView(image.buffer, image.byteOffset, image.byteLength);
    const stack = words.getUint32(0, true);
    assert.ok(stack > ram.start && stack <= ram.start + ram.size, `stack pointer 0x${stack.toString(16)}`);
    assert.equal(stack % 8, 0, 'the procedure call standard aligns the stack to eight bytes');

    for (let offset = 4; offset < vectorTableSize; offset += 4) {
      const vector = words.getUint32(offset, true);
      // The architecture reserves exceptions 7 to 10 and 13.
      const reserved = (offset >= 28 && offset <= 40) || offset === 52;
      if (reserved) {
        assert.equal(vector, 0, `reserved vector at ${offset}`);
        continue;
      }
      assert.equal(vector & 1, 1, `the vector at ${offset} is odd, for Thumb code`);
      assert.ok(
        vector > vectorTableSize + identitySize,
        `the vector at ${offset} is behind the identification`,
      );
      assert.ok(vector < image.length, `the vector at ${offset} is inside the image`);
    }
    assert.ok(image.length <= slotSize, `${image.length} bytes`);
  });

  test(`S0-09: the image of lamp ${version} names its vendor, model, version and size at 0xC0`, () => {
    const image = read(version);
    const words = new DataView(image.buffer, image.byteOffset, image.byteLength);
    assert.equal(textAt(image, 0xc0, 8), 'LAMP-ID');
    assert.equal(words.getUint32(0xc8, true), image.length);
    assert.deepEqual([...image.subarray(0xcc, 0xd0)], [...version.split('.').map(Number), 0]);
    assert.equal(textAt(image, 0xd0, 32), 'lapel.example');
    assert.equal(textAt(image, 0xf0, 16), 'lamp');
    assert.equal(textAt(image, 0x100, 16), version);
  });

  test(`S0-09: the README of the lamp tells size and digest of ${version} as they are`, () => {
    const image = read(version);
    const digest = createHash('sha256').update(image).digest('hex');
    const row = readFileSync(new URL('README.md', lamp), 'utf8')
      .split('\n')
      .find((line) => line.includes(`| \`build/lamp-${version}.bin\``));
    assert.deepEqual(
      row?.split('|').map((cell) => cell.trim()),
      ['', `\`build/lamp-${version}.bin\``, `${image.length}`, `\`${digest}\``, ''],
    );
  });
}

test('S0-09: the two releases of the lamp differ in code, and the new programme is in the newer only', () => {
  const [older, newer] = versions.map(read);
  assert.ok(older !== undefined && newer !== undefined);
  const codeStart = vectorTableSize + identitySize;
  assert.notDeepEqual(older.subarray(codeStart), newer.subarray(codeStart));
  assert.equal(contains(older, 'sunrise\0'), true);
  assert.equal(contains(older, 'daylight\0'), false);
  assert.equal(contains(newer, 'daylight\0'), true);
});

function read(version: string): Uint8Array {
  return readFileSync(new URL(`build/lamp-${version}.bin`, lamp));
}

/** A text that ends with a zero byte in a field filled with more of them. */
function textAt(image: Uint8Array, offset: number, size: number): string {
  const field = image.subarray(offset, offset + size);
  const end = field.indexOf(0);
  assert.notEqual(end, -1, `expected a zero byte in the field at ${offset}`);
  assert.ok(
    field.subarray(end).every((byte) => byte === 0),
    `the field at ${offset} is filled with zeros`,
  );
  return Buffer.from(field.subarray(0, end)).toString('ascii');
}

function contains(image: Uint8Array, text: string): boolean {
  return Buffer.from(image).includes(text, 0, 'ascii');
}
