/** draft-ietf-suit-manifest-37 §6.7: commands whose order does not matter must not depend on it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from '@lapel/suit';
import {
  at,
  attempt,
  component,
  copy,
  forge,
  perform,
  recipient,
  runSequence,
  set,
  tryEach,
} from '../forge.ts';

const content = Uint8Array.of(7);
const components = [component(0), component(1), component(2)];
const write = perform('directive-write');
const swap = perform('directive-swap');
const loose = set({ strictOrder: false });
const strict = set({ strictOrder: true });

/** What three full components are when `install` has run, and the reason it ended. */
function outcome(...install: readonly Command[]): string {
  const by = recipient({
    components: { '00': Uint8Array.of(1), '01': Uint8Array.of(2), '02': Uint8Array.of(3) },
  });
  const { failure } = attempt(forge({ components, sections: { install: [at(0), ...install] } }), by);
  const held = [...by.components.values()].map((each) => each.join(''));
  return [...held, failure?.error.reason ?? 'ok'].join(' ');
}

const fill = [set({ content }), write];
const copyFrom = (sourceComponent: number, with_ = copy) => [set({ sourceComponent }), with_];

test('X-70, §6.7: without strict order no component is both changed and read from', () => {
  assert.equal(outcome(loose, ...fill, at(1), ...copyFrom(0)), '7 2 3 operation-failed');
  assert.equal(outcome(loose, ...copyFrom(1), at(1), ...fill), '2 2 3 operation-failed');
  assert.equal(outcome(loose, ...copyFrom(1, swap), at(2), ...copyFrom(0)), '2 1 3 operation-failed');
  assert.equal(outcome(loose, ...fill, at(2), ...copyFrom(1)), '7 2 2 ok');
  assert.equal(outcome(...fill, at(1), ...copyFrom(0)), '7 7 3 ok');
});

test('X-70, §8.4.8.14: strict order again is a barrier, and the beginning of a sequence is one', () => {
  assert.equal(outcome(loose, ...fill, strict, at(1), ...copyFrom(0)), '7 7 3 ok');
  assert.equal(outcome(loose, ...fill, strict, loose, at(1), ...copyFrom(0)), '7 7 3 ok');
  const inner = [at(1), ...fill, at(2), ...copyFrom(1)];
  assert.equal(outcome(loose, tryEach(inner, null)), '1 7 7 ok');
});

test('X-70, §6.7: a sequence beside others keeps the component that it began with', () => {
  assert.equal(outcome(loose, runSequence(at(1), ...fill)), '1 7 3 ok');
  assert.equal(outcome(loose, runSequence(at(1), ...fill, at(2), ...fill)), '1 2 3 operation-failed');
  assert.equal(outcome(runSequence(at(1), ...fill, at(2), ...fill)), '1 7 7 ok');
});
