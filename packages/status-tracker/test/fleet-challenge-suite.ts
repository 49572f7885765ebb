/** What every FleetStore must do with the secrets of challenges, and with challenges that were used. */
import assert from 'node:assert/strict';
import type { Check } from './fleet-fixtures.ts';

const secretOf = (number: number) => ({ number, secret: new Uint8Array(32).fill(number) });
const macOf = (fill: number) => new Uint8Array(32).fill(fill);

export function challengeTests(check: Check): void {
  check('X-36: of those who add a secret at once, one does, and the oldest ones go', async (store) => {
    assert.deepEqual(await store.challengeSecrets(), []);
    const added = await Promise.all([1, 1, 1].map(async () => store.addChallengeSecret(secretOf(1))));
    assert.equal(added.filter(Boolean).length, 1);
    for (let number = 2; number <= 20; number += 1)
      assert.equal(await store.addChallengeSecret(secretOf(number)), true);
    assert.equal(await store.addChallengeSecret(secretOf(19)), false, 'none comes back');
    const kept = await store.challengeSecrets();
    assert.deepEqual(kept, [5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20].map(secretOf));
  });

  check('X-36: a challenge is used once, whoever asks at once, and not without its secret', async (store) => {
    const use = async (number: number, fill: number) =>
      (await store.useChallenges([{ number, mac: macOf(fill) }]))[0];
    assert.equal(await use(1, 1), false);
    await store.addChallengeSecret(secretOf(1));
    await store.addChallengeSecret(secretOf(2));
    const used = await Promise.all([1, 1, 1, 1].map(async () => use(1, 1)));
    assert.equal(used.filter(Boolean).length, 1);
    const batch = [1, 2, 2, 3].map((fill) => ({ number: fill < 3 ? 1 : 9, mac: macOf(fill) }));
    assert.deepEqual(await store.useChallenges(batch), [false, true, false, false]);
    assert.deepEqual(await store.useChallenges([]), []);
    assert.equal(await use(2, 1), true);
    for (let number = 3; number <= 17; number += 1) await store.addChallengeSecret(secretOf(number));
    assert.equal(await use(1, 3), false, 'its secret is gone');
    assert.equal(await use(2, 1), false);
  });
}
