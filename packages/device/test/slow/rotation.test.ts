/** A key hands over on a device whose power goes: the whole device, from the offer to the store. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boot } from '@lapel/device';
import type { Torn } from '@lapel/simulator';
import { norFlash } from '@lapel/simulator';
import { maker, newKey, offered, orderEnvelope, storeIn, trustOrder } from '../trusting.ts';
import { flashOf } from '../world.ts';

const { author, profile } = maker;
const { geometry } = profile.layout;
const heir = newKey();

/** As it is when the factory is done with the journal, too: a start settles that. */
const factory = (() => {
  const flash = flashOf(maker);
  boot(flash, profile);
  return flash.dump();
})();

const order = orderEnvelope(
  trustOrder({
    by: author,
    changes: [
      { key: heir, succeeds: true },
      { key: author, state: 'boot-only' },
    ],
    proofs: [heir],
  }),
  // Signed by both, so that it can be offered again to a device that has followed it.
  [author, heir],
);

const trusted = (flash: Parameters<typeof storeIn>[1]): string => {
  const { anchors, bootAnchors } = storeIn(maker, flash);
  const names = (all: typeof anchors) =>
    all.map(({ key }) => (String(key.kid) === String(heir.kid) ? 'heir' : 'author')).join('+');
  return `${names(anchors)} ${names(bootAnchors)}`;
};

const [old, renewed] = ['author author', 'heir author+heir'];

test('S1-15: power lost anywhere in a rotation leaves the old keys or the new ones', async () => {
  const whole = norFlash({ geometry, content: factory });
  assert.equal(trusted(whole), old);
  assert.deepEqual(await offered(maker, whole, [order]), []);
  assert.equal(trusted(whole), renewed);
  for (let operation = 0; operation < whole.operations; operation++) {
    const kinds: readonly Torn[] = [
      { kind: 'before' },
      { kind: 'prefix', granules: 2 },
      { kind: 'bits', seed: operation },
      { kind: 'metastable', seed: operation },
      { kind: 'ecc', seed: operation },
    ];
    for (const torn of kinds) {
      const told = `operation ${operation}, ${torn.kind}`;
      const flash = norFlash({ geometry, content: factory, cut: { operation, torn } });
      await assert.rejects(offered(maker, flash, [order]), { name: 'PowerCut' }, told);
      const again = norFlash({ geometry, content: flash.dump(), carried: flash.carried() });
      assert.equal(boot(again, profile).boot, 'slot', told);
      const found = trusted(again);
      assert.ok(found === old || found === renewed, `${told}: found ${found}`);
      // The tracker offers it again, for it has heard nothing.
      assert.deepEqual(await offered(maker, again, [order]), [], told);
      assert.equal(trusted(again), renewed, told);
      assert.equal(boot(again, profile).boot, 'slot', told);
    }
  }
});
