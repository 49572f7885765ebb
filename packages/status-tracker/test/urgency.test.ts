import assert from 'node:assert/strict';
import test from 'node:test';
import type { ReleaseFacts, UrgencyStrategy } from '../src/policy/urgency.ts';
import { consequences, deltaOf, urgencyOf, usualStrategy } from '../src/policy/urgency.ts';
import { urgencies } from '../src/protocol.ts';
import type { Urgency } from '../src/protocol.ts';

type Row = readonly [string, ReleaseFacts, Urgency, RegExp];

const rows: readonly Row[] = [
  ['priority 0', { priority: 0 }, 'critical', /update priority 0$/],
  ['a negative priority', { priority: -5 }, 'critical', /-5/],
  ['priority 1', { priority: 1 }, 'high', /priority 1/],
  ['priority 10', { priority: 10 }, 'high', /priority 10/],
  ['priority 11', { priority: 11 }, 'normal', /priority 11/],
  ['priority 101', { priority: 101 }, 'low', /priority 101/],
  ['a priority goes before a text', { priority: 200, text: 'mends CVE-2026-12345' }, 'low', /200/],
  ['an advisory', { text: 'mends CVE-2026-12345' }, 'high', /names CVE-2026-12345$/],
  ['an advisory of GitHub', { text: 'GHSA-aaaa-bbbb-cccc' }, 'high', /GHSA-aaaa-bbbb-cccc/],
  ['an exploited one', { text: 'CVE-2026-1234, exploited in the wild' }, 'critical', /as exploited$/],
  ['an advisory for settings', { text: 'CVE-2026-1234', kinds: ['configuration'] }, 'high', /CVE/],
  ['no advisory', { text: 'CVE-26-1' }, 'normal', /every release/],
  ['a bootloader', { kinds: ['bootloader'] }, 'high', /kind bootloader/],
  ['a bootloader and settings', { kinds: ['configuration', 'bootloader'] }, 'high', /bootloader/],
  ['settings', { kinds: ['configuration'] }, 'low', /kind configuration/],
  ['settings and more', { kinds: ['configuration', 'application'] }, 'normal', /every release/],
  ['a bug fix', { before: '1.2.3', version: '1.2.4' }, 'high', /patch version/],
  ['what is new', { before: '1.2.3', version: '1.3.0' }, 'normal', /every release/],
  ['nothing told', {}, 'normal', /every release/],
];

for (const [name, facts, urgency, because] of rows) {
  test(`S3-12, S3-40, S3-41: how urgent a release is: ${name}`, () => {
    const judged = urgencyOf(facts);
    assert.equal(judged.urgency, urgency);
    assert.match(judged.because, because);
  });
}

test('S3-41: an operator’s own rules come in their order, and where none holds it is normal', () => {
  const own: UrgencyStrategy = {
    ...usualStrategy,
    rules: [
      { urgency: 'critical', kind: 'meter', text: 'Billing' },
      { urgency: 'low', kind: 'meter', delta: 'major' },
    ],
  };
  assert.equal(urgencyOf({ kinds: ['meter'], text: 'billing was wrong' }, own).urgency, 'critical');
  assert.equal(urgencyOf({ kinds: ['meter'], before: '1.0.0', version: '2.0.0' }, own).urgency, 'low');
  assert.deepEqual(urgencyOf({ kinds: ['meter'] }, own), {
    urgency: 'normal',
    because: 'no strategy is about it',
  });
});

test('S3-41: versions are compared by their numbers, and what is no version says nothing', () => {
  assert.equal(deltaOf('1.1.1', '1.1.10'), 'patch');
  assert.equal(deltaOf('1.9.9', '2.0.0'), 'major');
  assert.equal(deltaOf('1.0.0', '1.0.0+build'), 'none');
  assert.equal(deltaOf('1.0', '1.0.1'), undefined);
  assert.equal(deltaOf(undefined, '1.0.1'), undefined);
});

test('S3-12, S3-40: urgency orders the queue and sets the deadline: a bug fix overtakes settings', () => {
  const settings = urgencyOf({ kinds: ['configuration'] }).urgency;
  const fix = urgencyOf({ before: '1.0.0', version: '1.0.1' }).urgency;
  assert.ok(urgencies[fix] < urgencies[settings], 'the smaller is the more urgent');
  assert.ok(consequences[fix].deadlineMs < consequences[settings].deadlineMs);
});
