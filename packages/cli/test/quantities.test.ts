import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  count,
  durationText,
  milliseconds,
  percentText,
  sizeText,
  spanText,
  thousandths,
  waves,
} from '../src/quantities.ts';

test('shares are in thousandths, as campaigns have them', () => {
  assert.deepEqual(waves('0.5%, 10%,100%'), [5, 100, 1000]);
  assert.equal(thousandths('5%'), 50);
  assert.equal(percentText(5), '0.5%');
  for (const wrong of ['5', '101%', '-1%', '0.05%', '%', '1e1%']) {
    assert.throws(() => thousandths(wrong), /expected a share/, wrong);
  }
});

test('waves rise to the whole fleet, and never stand still', () => {
  for (const wrong of ['10%', '10%,5%,100%', '10%,10%,100%', '0%,100%', '', '100%,100%']) {
    assert.throws(() => waves(wrong), /expected/, wrong);
  }
});

test('times have a unit and are not zero', () => {
  assert.deepEqual(
    ['90s', '15m', '2h', '30d'].map(milliseconds),
    [90_000, 900_000, 7_200_000, 2_592_000_000],
  );
  for (const wrong of ['90', '0s', '1w', '1.5h', '-1s', '9999999d']) {
    assert.throws(() => milliseconds(wrong), /expected a time/, wrong);
  }
});

test('times and sizes are told in the largest unit that fits', () => {
  assert.deepEqual([0, 59_999, 60_000, 86_400_000].map(durationText), ['0 s', '59 s', '1 m', '1 d']);
  assert.deepEqual([0, 999, 4_260, 60_000].map(spanText), ['0 ms', '999 ms', '4.2 s', '1 m']);
  assert.deepEqual([0, 999, 1_500, 300_000_000].map(sizeText), [
    '0 bytes',
    '999 bytes',
    '1.5 kB',
    '300.0 MB',
  ]);
});

test('a count is a whole number from 1', () => {
  assert.equal(count('100'), 100);
  for (const wrong of ['0', '-1', '1.5', 'many', '9999999999'])
    assert.throws(() => count(wrong), /expected/, wrong);
});
