import assert from 'node:assert/strict';
import test from 'node:test';
import type { ServerStrategy, Verdict, Waiting } from '../src/policy/trigger.ts';
import { whenToTrigger } from '../src/policy/trigger.ts';

const hour = 3_600_000;
/** A Thursday, at noon. */
const noon = Date.UTC(2026, 0, 1, 12);
const night = { days: 0b111_1111, opens: 120, lasts: 120 };
const waiting: Waiting = { mode: 'negotiated', urgency: 'normal', latestMs: noon + 100 * hour, share: 0 };
const server: Waiting = { ...waiting, mode: 'server-initiated' };
const berlin = { timeZone: 'Europe/Berlin' };

type Row = readonly [string, Partial<Waiting>, ServerStrategy, string];

const rows: readonly Row[] = [
  ['no answer', waiting, {}, 'wait: the device has not answered yet'],
  ['now', { ...waiting, answer: { decision: 'now' } }, {}, 'trigger: the device agrees'],
  [
    'a time to come',
    { ...waiting, answer: { decision: 'at', untilMs: noon + 1 } },
    {},
    `wait: the device has named a time ${noon + 1}`,
  ],
  [
    'a time that has come',
    { ...waiting, answer: { decision: 'at', untilMs: noon } },
    {},
    'trigger: the time that the device has named has come',
  ],
  [
    'a refusal',
    { ...waiting, answer: { decision: 'declined', untilMs: noon + hour } },
    {},
    `wait: the device declines it ${noon + hour}`,
  ],
  [
    'critical, but nothing is overridden',
    { ...waiting, urgency: 'critical' },
    {},
    'wait: the device has not answered yet',
  ],
  [
    'critical, as registration allows',
    { ...waiting, urgency: 'critical', terms: { mayOverride: true } },
    {},
    'trigger: it is critical (overrides)',
  ],
  [
    'the deadline, as registration allows',
    { ...waiting, latestMs: noon, terms: { mayOverride: true }, answer: { decision: 'declined' } },
    {},
    'trigger: its deadline has come (overrides)',
  ],
  ['client-initiated', { ...waiting, mode: 'client-initiated' }, {}, 'wait: the device decides alone'],
  [
    'client-initiated and critical, as registration allows',
    { ...waiting, mode: 'client-initiated', urgency: 'critical', terms: { mayOverride: true } },
    {},
    'trigger: it is critical (overrides)',
  ],
  ['no strategy', server, {}, 'trigger: nothing speaks against it'],
  ['a load that nobody told', server, { loadMax: 100 }, 'wait: its service has not told how busy it is'],
  ['a load too high', { ...server, serviceLoad: 101 }, { loadMax: 100 }, 'wait: its service is busy (101 ‰)'],
  [
    'a load low enough',
    { ...server, serviceLoad: 100 },
    { loadMax: 100 },
    'trigger: nothing speaks against it',
  ],
  ['a closed window', server, { window: night }, `wait: its window is closed ${noon + 14 * hour}`],
  [
    'a closed window, in local time',
    { ...server, terms: berlin },
    { window: night },
    `wait: its window is closed ${noon + 13 * hour}`,
  ],
  [
    'the device’s place in the window',
    { ...server, share: 0.5 },
    { window: night },
    `wait: its window is closed ${noon + 14.5 * hour}`,
  ],
  ['an open window', server, { window: { ...night, opens: 12 * 60 } }, 'trigger: its window is open'],
  [
    'an open window, but busy',
    { ...server, serviceLoad: 900 },
    { window: { ...night, opens: 12 * 60 }, loadMax: 100 },
    'wait: its service is busy (900 ‰)',
  ],
  ['critical at any time', { ...server, urgency: 'critical' }, { window: night }, 'trigger: it is critical'],
  ['the deadline', { ...server, latestMs: noon }, { window: night }, 'trigger: its deadline has come'],
];

for (const [name, given, strategy, expected] of rows) {
  test(`S3-26, S3-27, S3-38: when the server triggers: ${name}`, () => {
    assert.equal(told(whenToTrigger({ ...waiting, ...given }, strategy, noon)), expected);
  });
}

function told(verdict: Verdict): string {
  const { do: act, because } = verdict;
  if (act === 'trigger') return `${act}: ${because}${verdict.overrides ? ' (overrides)' : ''}`;
  return `${act}: ${because}${verdict.untilMs === undefined ? '' : ` ${verdict.untilMs}`}`;
}
