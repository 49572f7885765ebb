/** A short run of the fuzzing, and that it can find something. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FuzzTarget } from '../src/fuzz-target.ts';
import { fuzz, fuzzTargets } from '../src/fuzz.ts';

const seed = 4;

test('S4-50: no input of a short run breaks what must hold of it', () => {
  const { cases, findings } = fuzz({ seed, wantsMore: (done) => done < 1500 });
  assert.deepEqual(findings, [], `seed ${seed}`);
  assert.equal(cases, 1500);
});

test('S4-50: a case comes of its seed and its number alone', () => {
  const drawn = (from: number) => {
    const inputs: string[] = [];
    const recording = (each: FuzzTarget): FuzzTarget => ({
      name: each.name,
      draw(random) {
        const made = each.draw(random);
        inputs.push(made.input.toString());
        return made;
      },
    });
    const targets = (of: number) => fuzzTargets(of).map(recording);
    fuzz({ seed, from, targets, wantsMore: (done) => from + done < 200 });
    return inputs;
  };
  assert.deepEqual(drawn(0).slice(100), drawn(100));
});

test('S4-50: an error that nobody foresaw is found, with its input and how to make it again', () => {
  const broken: FuzzTarget = {
    name: 'broken',
    draw: (random) => ({
      input: Uint8Array.of(0xab, 1),
      check() {
        if (random.below(10) === 0) throw new TypeError('expected nothing, found a bug');
      },
    }),
  };
  const { findings } = fuzz({ seed, targets: () => [broken], wantsMore: (done) => done < 100 });
  const [first] = findings;
  assert.ok(first !== undefined);
  assert.deepEqual([first.target, first.input, first.seed], ['broken', 'ab01', seed]);
  assert.match(first.error, /^TypeError: expected nothing, found a bug \(packages\/simulator\/test\/fuzz/);
  const again = fuzz({ seed, from: first.case, targets: () => [broken], wantsMore: (done) => done === 0 });
  assert.deepEqual(again.findings, [first]);
});

test('S4-50: what does not end is ended and found', () => {
  const endless: FuzzTarget = {
    name: 'endless',
    draw: () => ({
      input: new Uint8Array(),
      check() {
        for (;;);
      },
    }),
  };
  const { findings } = fuzz({ seed, targets: () => [endless], caseMsMax: 50, wantsMore: (done) => done < 1 });
  assert.match(findings[0]?.error ?? '', /timed out/);
});
