import assert from 'node:assert/strict';
import test from 'node:test';
import { isZone, openingFor } from '../src/policy/window.ts';

const night = { days: 0b1111111, opens: 120, lasts: 120 };
const at = (text: string) => Date.parse(text);
const told = (opening: { fromMs: number; untilMs: number } | undefined) =>
  opening && [new Date(opening.fromMs).toISOString(), new Date(opening.untilMs).toISOString()];

test('S3-27: a window is in the local time of the device, over a change of clocks too', () => {
  const noon = at('2026-01-15T12:00:00Z');
  assert.deepEqual(told(openingFor(night, 'Europe/Berlin', 0, noon)), [
    '2026-01-16T01:00:00.000Z',
    '2026-01-16T03:00:00.000Z',
  ]);
  assert.deepEqual(told(openingFor(night, 'America/New_York', 0, noon)), [
    '2026-01-16T07:00:00.000Z',
    '2026-01-16T09:00:00.000Z',
  ]);
  assert.deepEqual(told(openingFor(night, 'Asia/Kolkata', 0, noon)), [
    '2026-01-15T20:30:00.000Z',
    '2026-01-15T22:30:00.000Z',
  ]);
  assert.deepEqual(told(openingFor(night, undefined, 0, noon)), [
    '2026-01-16T02:00:00.000Z',
    '2026-01-16T04:00:00.000Z',
  ]);
  // 29 March 2026: Berlin's clocks go from 02:00 to 03:00; 25 October: from 03:00 back to 02:00.
  assert.deepEqual(told(openingFor(night, 'Europe/Berlin', 0, at('2026-03-28T12:00:00Z'))), [
    '2026-03-29T01:00:00.000Z',
    '2026-03-29T03:00:00.000Z',
  ]);
  assert.deepEqual(told(openingFor(night, 'Europe/Berlin', 0, at('2026-10-24T12:00:00Z'))), [
    '2026-10-25T00:00:00.000Z',
    '2026-10-25T02:00:00.000Z',
  ]);
});

test('S3-27: a window that passes midnight is open after it; its days are those on which it opens', () => {
  const weekend = { days: 0b1100000, opens: 22 * 60, lasts: 8 * 60 };
  // Thursday.
  assert.deepEqual(told(openingFor(weekend, 'UTC', 0, at('2026-01-15T23:00:00Z'))), [
    '2026-01-17T22:00:00.000Z',
    '2026-01-18T06:00:00.000Z',
  ]);
  // Monday, 03:00: Sunday's is still open.
  assert.deepEqual(told(openingFor(weekend, 'UTC', 0, at('2026-01-19T03:00:00Z'))), [
    '2026-01-18T22:00:00.000Z',
    '2026-01-19T06:00:00.000Z',
  ]);
  assert.equal(openingFor({ ...weekend, days: 0 }, 'UTC', 0, at('2026-01-19T03:00:00Z')), undefined);
});

test('S3-27: devices begin spread over the first half of a window, each always at its own time', () => {
  const noon = at('2026-01-15T12:00:00Z');
  const opening = openingFor(night, 'Europe/Berlin', 0.5, noon);
  assert.deepEqual(told(opening), ['2026-01-16T01:30:00.000Z', '2026-01-16T03:00:00.000Z']);
  const shares = Array.from({ length: 100 }, (_, index) => index / 100);
  const starts = shares.map((share) => openingFor(night, 'UTC', share, noon)!.fromMs);
  assert.equal(new Set(starts).size, 100);
  assert.ok(starts.every((each) => each < at('2026-01-16T03:00:00Z')));
});

test('every hour of two years in zones with odd clocks lies before the end of its opening', () => {
  for (const zone of [
    'Europe/Berlin',
    'Australia/Lord_Howe',
    'America/St_Johns',
    'Pacific/Apia',
    'Africa/Casablanca',
  ]) {
    for (let hour = 0; hour < 24 * 730; hour += 7) {
      const nowMs = at('2026-01-01T00:00:00Z') + hour * 3_600_000;
      const opening = openingFor(night, zone, 0, nowMs)!;
      assert.ok(nowMs < opening.untilMs && opening.untilMs - nowMs <= 25.5 * 3_600_000, `${zone} ${hour}`);
      assert.equal(opening.untilMs - opening.fromMs, 7_200_000);
    }
  }
});

test('a zone that is none is told from one that is', () => {
  assert.deepEqual(['Europe/Berlin', 'UTC', 'Mars/Olympus', '', 'x'.repeat(65)].map(isZone), [
    true,
    true,
    false,
    false,
    false,
  ]);
});
