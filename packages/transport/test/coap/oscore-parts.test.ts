/** The parts of OSCORE by themselves: numbers, the window of what has come, the option. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeOscoreOption, encodeOscoreOption, replayWindow, senderSequence } from '@lapel/transport/coap';
import fc from 'fast-check';
import { diskOf } from './lossy-link.ts';

test('RFC 8613 §B.1.1: a number is promised on disk before it is used, or not used', async () => {
  const disk = diskOf();
  const sequence = senderSequence(disk, 10);
  const numbers = await Promise.all(Array.from({ length: 25 }, () => sequence.next()));
  assert.deepEqual(
    numbers,
    Array.from({ length: 25 }, (_, number) => number),
  );
  assert.equal(disk.writes, 3);
  assert.equal(await senderSequence(disk, 10).next(), 30);
  const broken = { take: () => Promise.reject(new Error('the disk is full')) };
  await assert.rejects(senderSequence(broken).next(), /the disk is full/);
  let at = 2 ** 40 - 2;
  const ending = senderSequence({ take: async (count) => (at += count) - count });
  assert.equal(await ending.next(), 2 ** 40 - 2);
  assert.equal(await ending.next(), 2 ** 40 - 1);
  await assert.rejects(ending.next(), /found all of them used/);
});

test('RFC 8613 §7.4: the window takes each number once, in any order within 32', () => {
  fc.assert(
    fc.property(fc.nat(1_000), fc.array(fc.nat(100), { maxLength: 200 }), (lowest, steps) => {
      const window = replayWindow(lowest);
      const taken = new Set<number>();
      let highest = lowest + 31;
      for (const step of steps) {
        const number = Math.max(0, highest - 40 + step);
        const isExpected = number >= lowest && number > highest - 32 && !taken.has(number);
        assert.equal(window.isNew(number), isExpected || number > highest);
        if (!window.isNew(number)) continue;
        window.add(number);
        taken.add(number);
        highest = Math.max(highest, number);
      }
    }),
  );
});

test('RFC 8613 §6.1: the option is read as it is written, and nothing else is', () => {
  const some = (max: number, min = 0) => fc.uint8Array({ minLength: min, maxLength: max });
  const header = fc.record(
    { partialIv: some(5, 1), kidContext: some(20), kid: some(7) },
    { requiredKeys: [], noNullPrototype: true },
  );
  fc.assert(fc.property(header, (one) => assert.deepEqual(decodeOscoreOption(encodeOscoreOption(one)), one)));
  fc.assert(
    fc.property(some(30), (value) => {
      const found = decodeOscoreOption(value);
      if (found !== undefined) assert.deepEqual(encodeOscoreOption(found), value);
    }),
  );
});
