/** Orders about whom a device trusts: what each may say, of whom, and how far authority goes. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SigningKey } from '@lapel/cose';
import { generateSigningKey } from '@lapel/cose';
import type { Provision } from '@lapel/device';
import { classIdentifier } from '@lapel/suit';
import { vendor } from '@lapel/simulator';
import { standingOf } from '../src/trust-anchors.ts';
import { followed } from '../src/trust-order.ts';
import { openProvision } from '../src/trust-store.ts';
import type { Ordering } from './trusting.ts';
import { maker, newKey, publicOf, trustOrder } from './trusting.ts';

const { author: root } = maker;
const [main, radio, trust] = ['main', 'radio', 'trust-anchors'].map((name) => [
  new TextEncoder().encode(name),
]) as [Uint8Array[], Uint8Array[], Uint8Array[]];

const after = (orders: readonly Ordering[], content: Provision = maker.provision): Provision =>
  orders.reduce((before, ordering, index) => {
    const next = followed(trustOrder({ number: index + 1, ...ordering }), openProvision(before));
    assert.ok(next !== undefined);
    return next;
  }, content);

const refusedBy = (orders: readonly Ordering[], last: Ordering, message: RegExp, content?: Provision) => {
  const number = orders.length + 1;
  const before = openProvision(after(orders, content));
  assert.throws(
    () => followed(trustOrder({ number, ...last }), before),
    (error: unknown) => error instanceof Error && error.name === 'SuitError' && message.test(error.message),
  );
};

/** What each of these is worth under a store. */
const worth = ({ anchors }: Provision, ...keys: readonly SigningKey[]): string =>
  keys
    .map(({ kid }) => standingOf(anchors).find(({ key }) => Buffer.compare(key.kid, kid) === 0))
    .map((found) =>
      found === undefined ? '-' : found.state === 'revoked' ? 'revoked' : `${found.state} ${found.depth}`,
    )
    .join(', ');

/** Signed by nobody whose orders count. */
const strange = /^trust order: expected a trusted key for ESP256, found none$/;

const add = (by: SigningKey, key: SigningKey, rest: Partial<Ordering['changes'][number]> = {}): Ordering => ({
  by,
  changes: [{ key, ...rest }],
});

test('S4-71, X-35: authority is handed on once, and twice, and no further', () => {
  const [first, second, third] = [newKey(), newKey(), newKey()];
  const once = add(root, first, { delegates: true, components: [main, radio] });
  const twice = add(first, second, { components: [main] });
  assert.equal(worth(after([once, twice]), root, first, second), 'install 0, install 1, install 2');
  refusedBy([once], add(first, second, { components: [main], delegates: true }), /hands nothing on/);
  // A key that may not, does not.
  refusedBy([once, twice], add(second, third, { components: [main] }), strange);
  refusedBy([once], add(third, second), strange);
  const chained: Provision = {
    ...after([once, twice]),
    anchors: [
      ...after([once, twice]).anchors,
      { key: publicOf(third), issuer: second.kid, components: [main] },
    ],
  };
  assert.equal(worth(chained, third), 'revoked', 'a chain that is too long in the store is worth nothing');
});

test('S4-25, S4-86: permissions only ever narrow', () => {
  const [first, second] = [newKey(), newKey()];
  const once = add(root, first, {
    delegates: true,
    components: [main, radio],
    directives: ['directive-fetch', 'directive-write'],
  });
  for (const wider of [
    {},
    { components: [main] },
    { components: [[]], directives: ['directive-fetch'] },
    { components: [trust], directives: ['directive-fetch'] },
    { components: [main], directives: ['directive-fetch', 'directive-invoke'] },
  ] as const) {
    refusedBy([once], add(first, second, wider), /wider ones$/);
  }
  const fits = { components: [[...main, Uint8Array.of(1)]], directives: ['directive-fetch'] } as const;
  assert.equal(worth(after([once, add(first, second, fits as never)]), second), 'install 2');
});

test('S4-54: who is of a group delegates within it, and makes nobody of another', () => {
  const [operator, mine, yours] = [newKey(), newKey(), newKey()];
  const grouped: Provision = {
    ...maker.provision,
    anchors: [
      { key: publicOf(root), group: 'author', delegates: true },
      { key: publicOf(operator), group: 'operator', delegates: true },
    ],
  };
  refusedBy([], add(root, mine, { group: 'operator' }), /wider ones/, grouped);
  refusedBy([], add(root, mine), /wider ones/, grouped);
  assert.equal(worth(after([add(root, mine, { group: 'author' })], grouped), mine), 'install 1');
  // Nor does one root say anything of the other.
  refusedBy([], add(root, operator, { state: 'revoked' }), /below whoever signs/, grouped);
  refusedBy([], add(root, operator, { group: 'author' }), /below whoever signs/, grouped);
  // Whoever has no group gives groups.
  assert.equal(worth(after([add(root, yours, { group: 'operator' })]), yours), 'install 1');
});

test('S1-15: a new key proves that somebody holds it', () => {
  const [first, stranger] = [newKey(), newKey()];
  for (const proofs of [[], [stranger], [root]]) {
    refusedBy([], { ...add(root, first), proofs }, /expected a proof of the key [0-9a-f]{16}, found none/);
  }
  refusedBy([], { by: root, changes: [{ key: first, succeeds: true }], proofs: [] }, /expected a proof/);
  // A proof is over this very order.
  const other = trustOrder({ ...add(root, first), number: 2 });
  const own = trustOrder({ ...add(root, first), number: 1, proofs: [] });
  assert.notDeepEqual(other, own);
});

test('S1-15, X-18: a root hands its place on; the old key stands below, and says nothing of trust', () => {
  const [heir, delegate] = [newKey(), generateSigningKey('Ed25519')];
  const handed = add(root, delegate, { delegates: true, components: [main] });
  const succession = add(root, heir, { succeeds: true });
  const both = after([handed, succession]);
  assert.equal(worth(both, heir, root, delegate), 'install 0, install 1, install 1');
  refusedBy([handed, succession], add(root, newKey()), strange);
  refusedBy([handed, succession], add(root, heir, { state: 'revoked' }), strange);
  const retired = add(heir, root, { state: 'boot-only' });
  assert.equal(worth(after([handed, succession, retired]), heir, root), 'install 0, boot-only 1');
  const revoked = add(heir, root, { state: 'revoked' });
  const gone = after([handed, succession, retired, revoked]);
  assert.equal(worth(gone, heir, root, delegate), 'install 0, revoked, install 1');
  // And so on, generation by generation.
  const third = newKey();
  assert.equal(
    worth(
      after(
        [add(heir, third, { succeeds: true })].map((each) => ({ ...each, number: 9 })),
        gone,
      ),
      third,
    ),
    'install 0',
  );
});

test('S1-15: only a root is succeeded, by a key that asks for nothing of its own', () => {
  const [first, heir] = [newKey(), newKey()];
  const once = add(root, first, { delegates: true, components: [main] });
  refusedBy([once], add(first, heir, { succeeds: true }), /in the place of a root/);
  refusedBy([], add(root, heir, { succeeds: true, components: [main] }), /a bare key/);
  refusedBy([once], add(root, first, { succeeds: true }), /found a known one/);
});

test('S4-25, X-54: a delegate that is revoked is worth nothing, nor is who has authority from it', () => {
  const [first, second] = [newKey(), newKey()];
  const orders = [
    add(root, first, { delegates: true, components: [main] }),
    add(first, second, { components: [main] }),
  ];
  const retired = [...orders, add(root, first, { state: 'boot-only' })];
  assert.equal(worth(after(retired), first, second), 'boot-only 1, boot-only 2');
  refusedBy(retired, add(first, newKey(), { components: [main] }), strange);
  const revoked = [...orders, add(root, first, { state: 'revoked' })];
  assert.equal(worth(after(revoked), root, first, second), 'install 0, revoked, revoked');
  refusedBy(revoked, add(first, newKey(), { components: [main] }), strange);
  refusedBy(revoked, add(root, first, { components: [main] }), /revoked for ever/);
  // From further up than one step, too; never from below or beside.
  const [third] = [newKey()];
  const beside = [...orders, add(root, third, { delegates: true, components: [main] })];
  assert.equal(worth(after([...beside, add(root, second, { state: 'revoked' })]), second), 'revoked');
  refusedBy(beside, add(third, second, { state: 'revoked' }), /below whoever signs/);
  refusedBy(beside, add(first, root, { state: 'revoked' }), /below whoever signs/);
});

test('S4-25: who narrows a delegate breaks what that one had handed on beyond it', () => {
  const [first, second] = [newKey(), newKey()];
  const orders = [
    add(root, first, { delegates: true, components: [main, radio] }),
    add(first, second, { components: [radio] }),
    add(root, first, { delegates: true, components: [main] }),
  ];
  assert.equal(worth(after(orders), first, second), 'install 1, revoked');
});

test('S4-25: of itself a trust anchor says only that it is worth less', () => {
  const first = newKey();
  const once = add(root, first, { delegates: true, components: [main] });
  assert.equal(worth(after([once, add(first, first, { state: 'boot-only' })]), first), 'boot-only 1');
  refusedBy([once], add(first, first, { components: [[]] }), /only retires itself/);
  refusedBy([once], add(first, first), /only retires itself/);
});

test('S1-15: an order that is older than the last one is refused, and the same again changes nothing', () => {
  const first = newKey();
  const sealed = trustOrder({ number: 5, ...add(root, first) });
  const next = followed(sealed, openProvision(maker.provision));
  assert.ok(next !== undefined);
  assert.equal(followed(sealed, openProvision(next)), undefined);
  for (const number of [1, 4, 5]) {
    assert.throws(() => followed(trustOrder({ number, ...add(root, newKey()) }), openProvision(next)), {
      name: 'SuitError',
      reason: 'unauthorised',
      message: `expected a trust order above 5, found ${number}`,
    });
  }
});

test('S0-06, S1-15: an order for devices of another kind is nothing to this one', () => {
  const about = { class: classIdentifier(vendor, 'kettle') };
  refusedBy([], { ...add(root, newKey()), about }, /this device's vendor and class/);
  refusedBy([], { ...add(root, newKey()), about: { vendor: new Uint8Array(16) } }, /vendor and class/);
  refusedBy([], { ...add(root, newKey()), about: { version: 2 } }, /expected a trust order of version 1/);
});

test('S1-15: no order leaves a device that can accept nothing any more', () => {
  refusedBy([], add(root, root, { state: 'revoked' }), /can meet what is required, found too few left/);
  refusedBy([], add(root, root, { state: 'boot-only' }), /too few left/);
  const heir = newKey();
  const both: Ordering = {
    by: root,
    changes: [
      { key: heir, succeeds: true },
      { key: root, state: 'boot-only' },
    ],
    proofs: [heir],
  };
  assert.equal(worth(after([both]), heir, root), 'install 0, boot-only 1');
});

test('S1-15: after a succession the old key adds nobody, in the same order either', () => {
  const [heir, first] = [newKey(), newKey()];
  refusedBy(
    [],
    { by: root, changes: [{ key: heir, succeeds: true }, { key: first }] },
    /expected a delegator that may delegate/,
  );
});

test('S1-15: who is revoked is forgotten only where there is no room left', () => {
  const many = Array.from({ length: 7 }, newKey);
  const full = after(many.map((key) => add(root, key)));
  refusedBy([], { ...add(root, newKey()), number: 20 }, /expected at most 8 trust anchors, found 9/, full);
  const extra = newKey();
  const [old] = many;
  assert.ok(old !== undefined);
  const room = after([{ ...add(root, old, { state: 'revoked' }), number: 20 }], full);
  assert.equal(worth(room, old), 'revoked');
  assert.equal(worth(after([{ ...add(root, extra), number: 21 }], room), old, extra), '-, install 1');
});

test('S1-12: no flipped bit of an order is followed, and none throws anything but a refusal', () => {
  const sealed = trustOrder(add(root, newKey()));
  const before = openProvision(maker.provision);
  for (let at = 0; at < sealed.length; at++) {
    const flipped = sealed.slice();
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
    assert.throws(() => followed(flipped, before), { name: 'SuitError' }, `byte ${at}`);
  }
  for (let length = 0; length < sealed.length; length += 7) {
    assert.throws(() => followed(sealed.subarray(0, length), before), { name: 'SuitError' });
  }
});
