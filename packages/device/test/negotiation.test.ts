/** What a device that negotiates answers to an offer, as a table. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Habits, Notice } from '@lapel/device';
import { decideUpdate } from '@lapel/device';

const hour = 3_600_000;
const nowMs = 1_000 * hour;
const notice: Notice = { nowMs, latestMs: nowMs + 48 * hour, urgency: 'normal', isIdle: false };
const habits: Habits = { deferMs: 6 * hour };

type Row = readonly [string, Partial<Notice>, Partial<Habits>, string];

const rows: readonly Row[] = [
  ['idle', { isIdle: true }, {}, 'now'],
  ['idle, and another time known', { isIdle: true }, { idleAtMs: nowMs + hour }, 'now'],
  ['busy, with a time to come', {}, { idleAtMs: nowMs + 5 * hour }, 'at +5 h'],
  ['busy, with a time that has passed', {}, { idleAtMs: nowMs - hour }, 'at +0 h'],
  ['busy, without any idea', {}, {}, 'at +6 h'],
  ['busy for longer than is allowed', {}, { idleAtMs: nowMs + 90 * hour }, 'at +48 h'],
  ['busy, with less left than it would put off', { latestMs: nowMs + 2 * hour }, {}, 'at +2 h'],
  ['busy at its latest time', { latestMs: nowMs }, {}, 'now'],
  ['declined', {}, { declinedUntilMs: nowMs + 24 * hour }, 'declined +24 h'],
  ['declined, though idle', { isIdle: true }, { declinedUntilMs: nowMs + hour }, 'declined +1 h'],
  ['declined for longer than is allowed', {}, { declinedUntilMs: nowMs + 90 * hour }, 'declined +48 h'],
  ['declined until a time that has passed', { isIdle: true }, { declinedUntilMs: nowMs }, 'now'],
  ['declined, but critical', { urgency: 'critical' }, { declinedUntilMs: nowMs + hour }, 'at +6 h'],
];

for (const [name, given, own, expected] of rows) {
  test(`S3-35, S3-37: a device decides by itself: ${name}`, () => {
    const { decision, until } = decideUpdate({ ...notice, ...given }, { ...habits, ...own });
    assert.equal(until === undefined ? decision : `${decision} +${(until - nowMs) / hour} h`, expected);
  });
}
