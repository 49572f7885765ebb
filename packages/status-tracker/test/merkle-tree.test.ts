import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ReadNode } from '../src/transparency/merkle-tree.ts';
import {
  consistencyProof,
  grow,
  inclusionProof,
  isConsistent,
  isIncluded,
  leafHash,
  rootOf,
  rootOver,
} from '../src/transparency/merkle-tree.ts';

const sizeMax = 70;

test('RFC 9162 §2.1.1: the root is that of the definition, however the additions were split', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 9 }), async (batches) => {
      const { size, read } = await treeOf(batches);
      assert.deepEqual(await rootOf(size, read), byDefinition(entries(size)));
      assert.deepEqual(await rootOver(entries(size).map(leafHash)), byDefinition(entries(size)));
    }),
  );
});

test('RFC 9162 §2.1.3: every entry of every tree is shown to be in it, and in no other place', async () => {
  const { read } = await treeOf([sizeMax]);
  for (let size = 1; size <= sizeMax; size++) {
    const head = { size, root: await rootOf(size, read) };
    for (let index = 0; index < size; index++) {
      const proof = await inclusionProof(index, size, read);
      assert.ok(isIncluded(leafOf(index), index, head, proof), `entry ${index} of ${size}`);
      assert.ok(!isIncluded(leafOf(index + 1), index, head, proof), `another entry at ${index} of ${size}`);
      if (size > 1) assert.ok(!isIncluded(leafOf(index), (index + 1) % size, head, proof));
      assert.ok(!isIncluded(leafOf(index), index, { ...head, size: size * 2 + 1 }, proof));
    }
  }
});

test('RFC 9162 §2.1.4: every tree is shown to be the beginning of every later one', async () => {
  const { read } = await treeOf([sizeMax]);
  const heads = [];
  for (let size = 0; size <= sizeMax; size++) heads.push({ size, root: await rootOf(size, read) });
  for (const earlier of heads) {
    for (const later of heads.slice(earlier.size)) {
      const proof = await consistencyProof(earlier.size, later.size, read);
      assert.ok(isConsistent(earlier, later, proof), `${earlier.size} in ${later.size}`);
    }
  }
});

test('RFC 9162 §2.1.4: a list with an entry changed, left out or put before is no continuation', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 0, max: 30 }),
      fc.nat(),
      fc.constantFrom('change', 'leave out', 'insert'),
      async (from, more, where, how) => {
        const honest = await treeOf([from]);
        const at = where % from;
        const list = entries(from + more);
        if (how === 'change') list[at] = Buffer.from('another');
        else if (how === 'leave out') list.splice(at, 1);
        else list.splice(at, 0, Buffer.from('another'));
        if (list.length < from) return;
        const forged = await treeWith(list);
        const earlier = { size: from, root: await rootOf(from, honest.read) };
        const later = { size: list.length, root: await rootOf(list.length, forged.read) };
        const proof = await consistencyProof(from, list.length, forged.read);
        assert.ok(!isConsistent(earlier, later, proof));
      },
    ),
  );
});

test('RFC 9162 §2.1: a proof with a hash changed, left out or added proves nothing', async () => {
  const { read } = await treeOf([sizeMax]);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 2, max: sizeMax }), fc.nat(), fc.nat(), async (size, a, b) => {
      const later = { size, root: await rootOf(size, read) };
      const from = 1 + (a % (size - 1));
      const earlier = { size: from, root: await rootOf(from, read) };
      for (const worse of damaged(await consistencyProof(from, size, read), b)) {
        assert.ok(!isConsistent(earlier, later, worse));
      }
      for (const worse of damaged(await inclusionProof(from, size, read), b)) {
        assert.ok(!isIncluded(leafOf(from), from, later, worse));
      }
    }),
  );
});

function damaged(proof: readonly Uint8Array[], seed: number): readonly (readonly Uint8Array[])[] {
  const more = [...proof, leafOf(seed)];
  if (proof.length === 0) return [more];
  const at = seed % proof.length;
  const flipped = proof.map((hash, index) =>
    hash.map((byte, place) => (index === at && place === seed % 32 ? byte ^ 1 : byte)),
  );
  return [more, proof.toSpliced(at, 1), flipped];
}

const entries = (size: number): Buffer[] =>
  Array.from({ length: size }, (_, index) => Buffer.from(`entry ${index}`));
const leafOf = (index: number) => leafHash(Buffer.from(`entry ${index}`));

async function treeOf(batches: readonly number[]) {
  const size = batches.reduce((sum, each) => sum + each, 0);
  return treeWith(entries(size), batches);
}

async function treeWith(list: readonly Uint8Array[], batches: readonly number[] = [list.length]) {
  const nodes = new Map<string, Uint8Array>();
  const read: ReadNode = async (level, index) => {
    const hash = nodes.get(`${level}/${index}`);
    assert.ok(hash, `a full node at level ${level}, index ${index}`);
    return hash;
  };
  let size = 0;
  for (const count of batches) {
    const leaves = list.slice(size, size + count).map(leafHash);
    for (const { level, index, hash } of await grow(size, leaves, read)) nodes.set(`${level}/${index}`, hash);
    size += count;
  }
  return { size, read };
}

/** As the RFC defines it, over the whole list at once. */
function byDefinition(list: readonly Uint8Array[]): Uint8Array {
  const sha256 = (...parts: readonly Uint8Array[]) =>
    new Uint8Array(createHash('sha256').update(Buffer.concat(parts)).digest());
  if (list.length === 0) return sha256();
  if (list.length === 1) return sha256(Buffer.of(0), list[0]!);
  let left = 1;
  while (left * 2 < list.length) left *= 2;
  return sha256(Buffer.of(1), byDefinition(list.slice(0, left)), byDefinition(list.slice(left)));
}
