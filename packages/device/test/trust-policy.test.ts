/** Who must vouch for what a device installs and boots: policies in its trust store. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Provision } from '@lapel/device';
import { boot, manufacture, provision, readTrustStore } from '@lapel/device';
import { norFlash, seededRandom } from '@lapel/simulator';
import { asksServer, liveUntilQuiet, refusals, seenIn, stepNames, withServer } from './life.ts';
import { madeWith, maker, newKey, publicOf, signedToo } from './trusting.ts';
import { flashOf } from './world.ts';

const { author, envelope, image, profile } = maker;
const [operator, third] = [newKey(), newKey()];
const both: Partial<Provision> = {
  anchors: [
    { key: publicOf(author), group: 'author' },
    { key: publicOf(operator), group: 'operator' },
  ],
  required: [
    { group: 'author', count: 1 },
    { group: 'operator', count: 1 },
  ],
};
const device = madeWith(maker, both, { envelope: signedToo(envelope, operator) });
const next = seededRandom(3).bytes(3_007);
const release = await maker.release(next, 2);

test('S4-54, X-26: a device that requires author and operator takes nothing from one of them', async () => {
  const byOperator = await maker.release(next, 2, operator);
  const flash = flashOf(device);
  assert.equal(boot(flash, profile).boot, 'slot');
  const { operations } = flash;
  const refused = await refusals(device, flash, [release, byOperator, signedToo(release, third)]);
  assert.deepEqual(refused, [
    'expected signatures of 1 author and 1 operator, found 1 author and 0 operator',
    'expected signatures of 1 author and 1 operator, found 0 author and 1 operator',
    'expected signatures of 1 author and 1 operator, found 1 author and 0 operator',
  ]);
  assert.equal(flash.operations, operations, 'nothing was written');
});

test('S4-54, X-49: signed by both it is installed, booted and confirmed', async () => {
  await withServer(device, async ({ handler, publish }) => {
    await publish(signedToo(release, operator), next);
    const flash = flashOf(device);
    const lived = await liveUntilQuiet(device, {
      flash,
      handler,
      connect: (trust, running) => asksServer(device, handler, trust, running),
    });
    assert.ok(stepNames(lived).includes('confirmed'));
    assert.equal(seenIn(device, flash).slots[1]?.state, 'confirmed');
  });
});

test('S4-54: the bootloader requires at every start what was required when it was installed', () => {
  // The envelope lies in flash with one signature, whoever has cut the other one off.
  for (const trust of [both, { ...both, bootSecret: new Uint8Array(32).fill(5) }]) {
    const made = madeWith(maker, trust, { envelope: signedToo(envelope, operator) });
    const flash = flashOf(made);
    const decision = boot(flash, profile);
    assert.ok(decision.boot === 'slot');
    assert.equal(decision.running[0].manifest.anchors.length, 2);
    const content = flash.dump();
    const { address } = profile.layout.slots[0].envelope;
    content.fill(0xff, address, address + 4096);
    content.set(envelope, address);
    assert.equal(boot(flashOf(made, content), profile).boot, 'nothing');
  }
});

test('S4-54, S4-119: the word of the bootloader stands for both signatures', () => {
  const bootSecret = new Uint8Array(32).fill(5);
  const made = madeWith(maker, { ...both, bootSecret }, { envelope: signedToo(envelope, operator) });
  const flash = flashOf(made);
  boot(flash, profile);
  const again = boot(flash, profile);
  assert.ok(again.boot === 'slot');
  assert.equal(again.running[0].by, 'mac');
  assert.deepEqual(
    again.manifest.anchors.map(({ group }) => group),
    ['author', 'operator'],
  );
});

test('S4-54: of three any two boot', () => {
  const anchors = [author, operator, third].map((key) => ({ key: publicOf(key) }));
  const trust = { anchors, required: [{ count: 2 }] };
  for (const other of [operator, third]) {
    const made = madeWith(maker, trust, { envelope: signedToo(envelope, other) });
    assert.equal(boot(flashOf(made), profile).boot, 'slot');
  }
  assert.throws(() => madeWith(maker, trust), { name: 'SuitError' });
});

test('S4-86, §9: not all signers have the same permissions, and the trust store says which', async () => {
  const elsewhere = [new TextEncoder().encode('radio')];
  const flash = norFlash({ geometry: profile.layout.geometry });
  const limited = { anchors: [{ key: publicOf(author), components: [elsewhere] }] };
  assert.throws(() => manufacture(flash, profile, { ...maker.provision, ...limited }, { envelope, image }), {
    name: 'SuitError',
    reason: 'component-unauthorised',
  });
  const withRadio = madeWith(maker, {
    anchors: [publicOf(author), { key: publicOf(operator), components: [elsewhere] }],
  });
  const byOperator = await maker.release(next, 2, operator);
  const [refused] = await refusals(withRadio, flashOf(withRadio), [byOperator]);
  assert.match(refused ?? '', /expected components of its signer's own/);
});

test('S1-15, S4-91: who has retired vouches for what is installed, and for nothing new', async () => {
  const retired = { key: publicOf(author), state: 'boot-only' } as const;
  const made = madeWith(maker, { anchors: [publicOf(author), publicOf(operator)] });
  const { layout } = profile;
  const flash = flashOf(made);
  // As the factory would have written it later.
  provision(flash, layout.trustStore, { ...made.provision, anchors: [retired, publicOf(operator)] });
  assert.equal(boot(flash, profile).boot, 'slot');
  const refused = await refusals(made, flash, [release]);
  assert.match(refused[0] ?? '', /expected a signature of a trusted key, found another/);
  const revoked = { key: publicOf(author), state: 'revoked' } as const;
  provision(flash, layout.trustStore, { ...made.provision, anchors: [revoked, publicOf(operator)] });
  assert.equal(boot(flash, profile).boot, 'nothing');
});

test('S4-124: a trust store that could never accept anything is not provisioned', () => {
  const bad: readonly Partial<Provision>[] = [
    { required: [{ group: 'operator', count: 1 }] },
    { required: [{ count: 2 }] },
    { required: [{ count: 0 }] },
    { anchors: [publicOf(author), publicOf(author)] },
    { anchors: [{ key: publicOf(author), state: 'boot-only' }] },
    { anchors: [{ key: publicOf(author), issuer: new Uint8Array(32) }] },
    { anchors: [publicOf(author), { key: publicOf(operator), group: 'x'.repeat(33) }] },
  ];
  for (const trust of bad) assert.throws(() => madeWith(maker, trust), /Error/, JSON.stringify(trust));
});

test('S4-124: a trust store of the first kind, with keys alone, is read as it always was', () => {
  const store = readTrustStore(flashOf(maker), profile.layout.trustStore);
  assert.equal(store?.anchors.length, 1);
  assert.deepEqual(store.anchors, store.bootAnchors);
  assert.deepEqual(store.anchors[0]?.key.kid, author.kid);
  assert.deepEqual(store.required, []);
});
