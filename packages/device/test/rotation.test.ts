/** A device changes whom it trusts, by signed order: generations of keys, delegates, and who may do what. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bstr, hex, read, write } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { digest, signDetached } from '@lapel/cose';
import type { Flash } from '@lapel/device';
import { Journal, boot, secureNormal } from '@lapel/device';
import type { NorFlash } from '@lapel/simulator';
import { component, makeUpdate, seededRandom } from '@lapel/simulator';
import type { Command } from '@lapel/suit';
import { Digest, Manifest, componentName, digestOf, readEnvelope, readSequence } from '@lapel/suit';
import { trustAnchorsComponent, wrap, writeEnvelope, writeSequence } from '@lapel/suit';
import { admitEnvelope } from '../src/admission.ts';
import { nothingInstalled } from '../src/storage/boot-record.ts';
import { openProvision } from '../src/trust-store.ts';
import { lives } from './lives.ts';
import { bring, stranded, made as strandedMade } from './stranded.ts';
import type { Ordering } from './trusting.ts';
import { maker, newKey, offered, orderEnvelope, orderOf, publicOf, storeIn, trustOrder } from './trusting.ts';
import { flashOf, recordOf } from './world.ts';

const { author, profile } = maker;
const image = seededRandom(8).bytes(3_011);

const succession = (heir: SigningKey, number = 1): Ordering => ({
  number,
  by: author,
  changes: [{ key: heir, succeeds: true }],
});
const retiring = (by: SigningKey, state: 'boot-only' | 'revoked', number: number): Ordering => ({
  number,
  by,
  changes: [{ key: author, state }],
});

/** Whether a device takes what this key signs, as far as that can be told before anything is written. */
async function takes(flash: Flash, by: SigningKey, sequence = 9): Promise<boolean> {
  const envelope = await maker.release(image, sequence, by);
  try {
    admitEnvelope(envelope, profile, storeIn(maker, flash), recordOf(maker, flash));
    return true;
  } catch (error) {
    assert.ok(error instanceof Error && error.name === 'SuitError', String(error));
    return false;
  }
}

/** Installs a release to its end, and gives back what is said of each start. */
async function updated(flash: NorFlash, by: SigningKey, sequence: number): Promise<void> {
  const envelope = await maker.release(image, sequence, by);
  const admitted = admitEnvelope(envelope, profile, storeIn(maker, flash), recordOf(maker, flash));
  const digest = hex(admitted.authentic.digest.bytes);
  const images = new Map([[componentName(component), image]]);
  const release = { sequence, envelope, digest, image, further: [], images };
  const { steps } = await lives({ profile, flash, offers: [release] });
  assert.ok(steps.some(([step]) => step === 'confirmed'));
}

test('S1-15, S4-145, X-18: a key hands over, retires, is revoked; the device boots throughout', async () => {
  const heir = newKey();
  const flash = flashOf(maker);
  assert.equal(await takes(flash, heir), false);
  assert.deepEqual(await offered(maker, flash, [orderOf(succession(heir))]), []);
  // Both generations, while they overlap.
  assert.deepEqual([await takes(flash, heir), await takes(flash, author)], [true, true]);
  assert.deepEqual(await offered(maker, flash, [orderOf(retiring(heir, 'boot-only', 2))]), []);
  assert.deepEqual([await takes(flash, heir), await takes(flash, author)], [true, false]);
  assert.equal(boot(flash, profile).boot, 'slot', 'what the old key signed still boots');
  await updated(flash, heir, 2);
  await updated(flash, heir, 3);
  assert.deepEqual(await offered(maker, flash, [orderOf(retiring(heir, 'revoked', 3))]), []);
  assert.equal(boot(flash, profile).boot, 'slot');
  assert.deepEqual([await takes(flash, heir), await takes(flash, author)], [true, false]);
  assert.equal(storeIn(maker, flash).bootAnchors.length, 1);
});

test('S1-15: no key is revoked while something that boots depends on it', async () => {
  const heir = newKey();
  const flash = flashOf(maker);
  const revoking = (number: number) => orderOf(retiring(heir, 'revoked', number));
  const refused = await offered(maker, flash, [orderOf(succession(heir)), revoking(2)]);
  assert.equal(refused.length, 1);
  assert.match(refused[0] ?? '', /expected trust anchors on whom slot 0 still boots, found it left without$/);
  // What runs is the new key's, and what the device would go back to is still the old one's.
  await updated(flash, heir, 2);
  assert.match((await offered(maker, flash, [revoking(2)]))[0] ?? '', /slot 0 still boots/);
  // Below the boot floor nothing boots anyway.
  const journal = Journal.open(flash, profile.layout.journal);
  journal.append({ name: 'bootFloor', component, sequenceNumber: 2 });
  assert.deepEqual(await offered(maker, flash, [revoking(2)]), []);
  assert.equal(boot(flash, profile).boot, 'slot');
});

test('S1-15: nor is what boots left without whoever permits it', async () => {
  const delegate = newKey();
  const mine = { key: delegate, components: [component] };
  const flash = flashOf(maker);
  assert.deepEqual(await offered(maker, flash, [orderOf({ by: author, changes: [mine] })]), []);
  await updated(flash, delegate, 2);
  const elsewhere = { key: delegate, components: [[Uint8Array.of(9)]] };
  const refused = await offered(maker, flash, [orderOf({ number: 2, by: author, changes: [elsewhere] })]);
  assert.match(refused[0] ?? '', /slot 1 still boots/);
});

test('S1-15, S4-26: an older order is refused, and the same one again is followed already', async () => {
  const [heir, other] = [newKey(), newKey()];
  const first = orderOf({ number: 1, by: author, changes: [{ key: other }] });
  const second = orderOf(succession(heir, 2));
  const flash = flashOf(maker);
  assert.deepEqual(await offered(maker, flash, [first, second]), []);
  const { content } = storeIn(maker, flash);
  // It is the old key's, which says nothing of trust any more; but it has been followed.
  assert.deepEqual(await offered(maker, flash, [second]), []);
  assert.deepEqual(storeIn(maker, flash).content, content);
  const [refused] = await offered(maker, flash, [first]);
  assert.equal(refused, 'trust order: expected a trusted key for ESP256, found none');
  const own = orderOf({ number: 3, by: heir, changes: [{ key: other, state: 'boot-only' }] }, author);
  assert.deepEqual(await offered(maker, flash, [own, own]), []);
  const again = orderOf({ number: 3, by: heir, changes: [{ key: other }] }, author);
  assert.match((await offered(maker, flash, [again]))[0] ?? '', /expected a trust order above 3, found 3/);
});

test('S4-66, S4-86: one key for one component, one for another, one for the trust store alone', async () => {
  const { layout, limits } = secureNormal();
  const several = { ...profile, layout, limits };
  const [first, second] = layout.components;
  assert.ok(second !== undefined);
  const [a, b, c] = [newKey(), newKey(), newKey()];
  const places = { a: first.identifier, b: second.identifier, c: trustAnchorsComponent };
  const trust = openProvision({
    ...maker.provision,
    anchors: [
      { key: publicOf(a), components: [places.a] },
      { key: publicOf(b), components: [places.b] },
      { key: publicOf(c), components: [places.c], delegates: true },
    ],
  });
  const order = trustOrder({ by: c, changes: [{ key: newKey(), components: [places.c] }] });
  const update = (key: SigningKey, ...of: readonly (typeof places.a)[]) => {
    const [head, ...rest] = of.map((each) => ({ component: each, image }));
    assert.ok(head !== undefined);
    return makeUpdate({ parts: [head, ...rest], sequence: 2, version: '2', className: 'lamp', key });
  };
  const verdict = (envelope: Uint8Array): string => {
    try {
      admitEnvelope(envelope, several, trust, nothingInstalled);
      return 'yes';
    } catch (error) {
      assert.ok(error instanceof Error && 'reason' in error);
      return String(error.reason);
    }
  };
  const no = 'component-unauthorised';
  const matrix: string[][] = [];
  for (const key of [a, b, c]) {
    matrix.push([
      verdict(await update(key, places.a)),
      verdict(await update(key, places.b)),
      verdict(await update(key, places.a, places.b)),
      verdict(orderEnvelope(order, [key])),
    ]);
  }
  assert.deepEqual(matrix, [
    ['yes', no, no, no],
    [no, 'yes', no, no],
    [no, no, no, 'yes'],
  ]);
});

test('S4-71: who carries an order need not be who gives it, and gives nothing by carrying it', async () => {
  const [carrier, heir] = [newKey(), newKey()];
  const flash = flashOf(maker);
  const appointed = { key: carrier, components: [trustAnchorsComponent] };
  assert.deepEqual(await offered(maker, flash, [orderOf({ by: author, changes: [appointed] })]), []);
  const own: Ordering = { number: 2, by: carrier, changes: [{ key: newKey() }] };
  assert.match((await offered(maker, flash, [orderOf(own)]))[0] ?? '', /expected a trusted key for ESP256/);
  assert.deepEqual(await offered(maker, flash, [orderOf(succession(heir, 2), carrier)]), []);
  assert.equal(await takes(flash, heir), true);
});

test('S1-15: an order stands alone in its manifest', () => {
  const content = trustOrder(succession(newKey()));
  const trust = openProvision(maker.provision);
  const admitted = (envelope: Uint8Array) => admitEnvelope(envelope, profile, trust, nothingInstalled);
  assert.ok(admitted(orderEnvelope(content, [author])));
  const { manifest } = readEnvelope(orderEnvelope(content, []), profile.limits);
  const alone = read(Manifest, read(bstr, manifest));
  const first: Command = { name: 'directive-set-component-index', index: 0 };
  const indexed = (sequence: Uint8Array = writeSequence([])) =>
    writeSequence([first, ...readSequence(sequence).map(({ command }) => command)]);
  const common = {
    components: [trustAnchorsComponent, component],
    sharedSequence: indexed(alone.common.sharedSequence),
  };
  const beside = { ...alone, common, install: indexed(alone.install as Uint8Array) };
  const wrapped = wrap(write(Manifest, beside));
  const named = write(Digest, digestOf({ algorithm: 'sha-256', bytes: digest('sha-256', wrapped) }));
  const parts = { digest: named, manifest: wrapped, severed: {}, payloads: new Map() };
  const envelope = writeEnvelope({ ...parts, blocks: [signDetached(author, named)] });
  assert.throws(() => admitted(envelope), { reason: 'component-unsupported', message: /alone/ });
});

test('S4-46: whoever brings an order to a device of which nothing boots, changes nothing', () => {
  const { flash, nothing } = stranded();
  const before = flash.operations;
  const key = newKey();
  const order = trustOrder({ by: strandedMade.author, changes: [{ key, succeeds: true }] });
  const brought = { envelope: orderEnvelope(order, [strandedMade.author], 9), image: Uint8Array.of(1) };
  assert.deepEqual(bring(flash, nothing, brought), {
    is: 'refused',
    stage: 'run',
    reason: 'operation-failed',
    because: 'expected a manifest that brings an image, found none',
  });
  assert.equal(flash.operations, before);
  assert.equal(storeIn(strandedMade, flash).anchors.length, 1);
});
