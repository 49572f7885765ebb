/** Directive-wait on a real device: what is waited for, what is not supported, and how a wait ends. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Conditions } from '@lapel/device';
import { perform, set, simulatedClock } from '@lapel/simulator';
import type { WaitEvents } from '@lapel/suit';
import type { Trying } from './attempt.ts';
import { attempt, changed, hourMs, startMs, startSeconds } from './attempt.ts';

const waiting = (events: WaitEvents): Uint8Array =>
  changed({ before: { install: [set({ waitInfo: events }), perform('directive-wait')] } });

/** Hours until it is installed, or why it is not. */
async function hoursOf(events: WaitEvents, trying: Trying = {}): Promise<number | string> {
  const clock = simulatedClock();
  const { steps, ms } = await attempt(waiting(events), { clock, ...trying });
  const [last, detail] = steps.at(-1) ?? [];
  return last === 'restarting' ? Math.floor((ms / hourMs) * 10) / 10 : `${last}: ${detail}`;
}

test('S4-64: an update waits for a time, a time of day, a day of the week, and for all of them', async () => {
  assert.equal(await hoursOf({ time: startSeconds + 36_000 }), 10);
  assert.equal(await hoursOf({ timeOfDayUtc: 3 * 3600 }), 3);
  assert.equal(await hoursOf({ timeOfDayUtc: 0 }), 0);
  // From Thursday to Sunday.
  assert.equal(await hoursOf({ dayOfWeekUtc: 0 }), 72);
  assert.equal(await hoursOf({ dayOfWeekUtc: 0, timeOfDayUtc: 5 * 3600 }), 77);
  assert.equal(await hoursOf({ dayOfWeekUtc: 4, timeOfDayUtc: 0, time: startSeconds + 7200 }), 168);
});

test('S4-64: local times are those of the time zone that is known, and none without', async () => {
  const zone = (hours: number): Trying => ({ conditions: { localOffsetMs: () => hours * hourMs } });
  assert.equal(await hoursOf({ timeOfDay: 3 * 3600 }, zone(1)), 2);
  assert.equal(await hoursOf({ timeOfDay: 3 * 3600 }, zone(-5)), 8);
  // Behind UTC it is still Wednesday.
  assert.equal(await hoursOf({ dayOfWeek: 4 }, zone(-5)), 5);
  assert.match(
    String(await hoursOf({ timeOfDay: 3 * 3600 })),
    /^postponed|^failed: .*found that unsupported$/,
  );
  // The clock goes from 2 to 3 in that night: half past two comes at three.
  const spring: Trying = { conditions: { localOffsetMs: (ms) => (ms < startMs + 2 * hourMs ? 0 : hourMs) } };
  assert.equal(await hoursOf({ timeOfDay: 2.5 * 3600 }, spring), 2);
});

test('S4-64, S4-142: an update waits for power, network, another device and the application', async () => {
  const clock = simulatedClock();
  const from = (hours: number): boolean => clock.monotonicMs() >= hours * hourMs;
  const conditions: Conditions = {
    isPower: async (state) => state === 1 && from(2),
    isNetwork: async () => from(3),
    otherDeviceVersion: async () => (from(4) ? [2, 1] : [1, 9]),
    authorize: async () => (from(5) ? 'yes' : 'later'),
  };
  const at = (events: WaitEvents) => hoursOf(events, { conditions, clock });
  const other: WaitEvents['otherDeviceVersion'] = [Uint8Array.of(7), [['greater-or-equal', [2]]]];
  assert.equal(await at({ power: 1 }), 2);
  assert.equal(await at({ network: 0, power: 1 }), 3);
  assert.equal(await at({ otherDeviceVersion: other }), 4);
  assert.equal(await at({ authorization: -1, power: 1 }), 5);
});

test('S4-64: what is not supported fails at once, and what does not come is put off', async () => {
  const unsupported = /^(postponed|failed): expected to wait for .*found that unsupported$/;
  const other: WaitEvents['otherDeviceVersion'] = [Uint8Array.of(7), [['equal', [2]]]];
  const events: readonly WaitEvents[] = [
    { power: 1 },
    { network: 1 },
    { authorization: 0 },
    { otherDeviceVersion: other },
    { timeOfDayUtc: 86_400 },
    { dayOfWeekUtc: 7 },
    { time: startSeconds, power: 1 },
  ];
  for (const each of events) assert.match(String(await hoursOf(each)), unsupported);
  assert.match(String(await hoursOf({ time: 5 }, { isTrusted: false })), unsupported);
  const never: Conditions = {
    isPower: async () => false,
    authorize: async () => 'no',
    waitMsMax: 2 * hourMs,
  };
  const late = await attempt(waiting({ power: 1 }), { conditions: never, isOffered: true });
  assert.deepEqual(late.steps.at(-1), [
    'postponed',
    'expected power state 1 within 7200000 ms, found it not to come',
  ]);
  assert.deepEqual([late.reports, late.payloads], [0, 0]);
  const refused = await attempt(waiting({ authorization: 2 }), { conditions: never, isOffered: true });
  assert.match(refused.steps.at(-1)?.[1] ?? '', /of priority 2, found it refused$/);
  assert.equal(refused.reports, 1);
});

test('S4-64: whoever stops the agent stops its waiting', async () => {
  const stop = new AbortController();
  const clock = simulatedClock();
  void clock.sleep(hourMs).then(() => stop.abort(new Error('stopped')));
  const { ms, payloads } = await attempt(waiting({ timeOfDayUtc: 7200 * 2 }), { clock, signal: stop.signal });
  assert.deepEqual([ms, payloads], [hourMs, 0]);
});
