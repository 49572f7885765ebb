import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createMemoryStore } from '@lapel/status-tracker';
import { runCrowdCampaign } from '../src/crowd/campaign-run.ts';
import { curve, timeTo } from '../src/crowd/curve.ts';
import { eventTime } from '../src/crowd/event-time.ts';

test('S3-03, S3-10, S3-25, S4-143: a crowd goes through a campaign by itself, wave by wave', async () => {
  const devices = 40;
  const store = createMemoryStore();
  const { patchedMs, state } = await runCrowdCampaign({
    devices,
    seed: 3,
    store,
    pollMs: 3_600_000,
    inFlightMax: 20,
  });
  assert.equal(state, 'completed');
  assert.equal(patchedMs.length, devices);
  assert.deepEqual(
    patchedMs,
    patchedMs.toSorted((a, b) => a - b),
    'time goes forward',
  );
  assert.ok((patchedMs[0] ?? 0) < (patchedMs.at(-1) ?? 0), 'the first wave goes first');
});

test('what is due comes in the order of its time, at one moment no more at once than said', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: 20 }), { minLength: 1 }), async (moments) => {
      const time = eventTime();
      const met: number[] = [];
      let [busy, most] = [0, 0];
      for (const ms of moments) {
        time.at(ms, async () => {
          most = Math.max(most, ++busy);
          await Promise.resolve();
          met.push(time.nowMs());
          busy--;
        });
      }
      await time.run(() => false, 3);
      assert.deepEqual(
        met,
        moments.toSorted((a, b) => a - b),
      );
      assert.ok(most <= 3);
    }),
  );
});

test('S3-03: the curve rises to what was reached, and times are those of the asked share', () => {
  const hours = [1, 2, 3, 4].map((hour) => hour * 3_600_000);
  assert.equal(timeTo(0.5, hours, 4), 2 * 3_600_000);
  assert.equal(timeTo(0.99, hours, 4), 4 * 3_600_000);
  assert.equal(timeTo(0.9, hours, 8), undefined);
  const rows = curve(hours, 4, { width: 4, height: 4 }).split('\n');
  assert.deepEqual(
    rows.slice(0, 4).map((row) => row.split('│')[1]),
    ['   █', '  ██', ' ███', '████'],
  );
  assert.match(rows.at(-1) ?? '', /4\.0 h$/);
});
