/** What a FleetStore must do so that several processes share one fleet. */
import assert from 'node:assert/strict';
import type { Check } from './fleet-fixtures.ts';
import { startMs } from './world.ts';

export function leaseTests(check: Check): void {
  check(
    'a lease is one holder’s until it is over, and no clock that was wrong makes it longer',
    async (store) => {
      const lease = { name: 'plan c1', holder: 'a', nowMs: startMs, forMs: 1_000 };
      const other = { ...lease, holder: 'b' };
      assert.equal(await store.lease(lease), true);
      assert.equal(await store.lease(lease), true);
      assert.equal(await store.lease({ ...other, nowMs: startMs + 999 }), false);
      assert.equal(await store.lease({ ...other, name: 'plan c2' }), true);
      assert.equal(await store.lease({ ...other, nowMs: startMs + 1_000 }), true);
      assert.equal(await store.lease({ ...lease, nowMs: startMs + 1_001 }), false);
      assert.equal(await store.lease({ ...other, nowMs: startMs + 1e12 }), true);
      assert.equal(await store.lease({ ...lease, nowMs: startMs + 2_000 }), true);
    },
  );
}
