import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestEvent } from 'node:test/reporters';
import { closingLine, emptyTally, judge, note, type Tally } from './tally.ts';

type PassEvent = Extract<TestEvent, { readonly type: 'test:pass' }>;

test('a run in which no test has run is a failure', () => {
  assert.equal(judge(emptyTally(), { everySkipCounts: false }).failed, 1);
});

test('a test file that holds no test is a failure', () => {
  const tally = tallyOf(passed('a.test.ts'), passed('a sentence'));
  assert.equal(closingLine(judge(tally, { everySkipCounts: false })), '1 passed, 1 failed, 0 skipped');
});

test('a skip counts as a failure where nothing may be skipped, unless vectors or IPv6 are missing', () => {
  const tally = tallyOf(
    passed('one'),
    passed('two', { skip: 'LAPEL_VECTORS is not there' }),
    passed('three', { skip: 'too slow' }),
    passed('four', { skip: 'no network of IPv6 is here' }),
    passed('five', { todo: true }),
  );
  assert.equal(closingLine(judge(tally, { everySkipCounts: false })), '1 passed, 0 failed, 4 skipped');
  assert.equal(closingLine(judge(tally, { everySkipCounts: true })), '1 passed, 2 failed, 2 skipped');
});

function tallyOf(...events: readonly TestEvent[]): Tally {
  const tally = emptyTally();
  for (const event of events) note(tally, event);
  return tally;
}

function passed(name: string, more: { readonly skip?: string; readonly todo?: boolean } = {}): PassEvent {
  const place = { name, file: 'a.test.ts', nesting: 0, testNumber: 1, testId: 1, parentId: 0, tags: [] };
  return { type: 'test:pass', data: { ...place, ...more, details: { duration_ms: 1, type: 'test' } } };
}
