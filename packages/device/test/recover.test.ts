/** Both slots are ruined, and somebody brings a firmware: what is believed, and what is not. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildEnvelope, signEnvelope } from '@lapel/author';
import { digest, generateSigningKey } from '@lapel/cose';
import { Journal, boot, provision, recover } from '@lapel/device';
import { component, deviceClass, seededRandom, vendor } from '@lapel/simulator';
import { authenticate, writeEnvelope } from '@lapel/suit';
import { bring, firmware, image, made, ruined, second, stranded } from './stranded.ts';
import { bootedSlot, className, flashOf, recordOf } from './world.ts';

const { layout } = made.profile;

const kept = (content: Uint8Array): readonly Uint8Array[] =>
  [layout.loader, ...layout.trustStore].map(({ address, bytes }) =>
    content.subarray(address, address + bytes),
  );

test('S4-46: both slots are ruined, and a signed firmware over a line brings the device back', () => {
  const { flash, nothing } = stranded();
  assert.match(nothing.reason, /^no slot verifies; slot 1 refused: .*; slot 0 refused: /);
  assert.deepEqual(bring(flash, nothing, firmware), { is: 'done', slot: 0, sequenceNumber: 3 });
  assert.equal(recordOf(made, flash).floors.values().next().value?.sequenceNumber, 2);
  assert.equal(bootedSlot(made, flash), '0 on trial');
  const written = layout.slots[0].image.address;
  assert.deepEqual(flash.read(written, image.length), image);
});

test('S4-47: a recovery writes neither the loader nor the trust store', () => {
  const { flash, nothing } = stranded();
  bring(flash, nothing, firmware);
  assert.deepEqual(kept(flash.dump()), kept(ruined));
});

test('S4-88: an envelope that carries its image needs nothing else', async () => {
  const small = seededRandom(4).bytes(900);
  const envelope = await buildEnvelope(
    {
      sequence: 3,
      vendorIdentifier: vendor,
      classIdentifier: deviceClass(className),
      components: [{ id: component, images: [{ image: 'small', payload: 'integrated' }], bootable: true }],
      severable: [],
      text: { rest: [] },
    },
    {
      images: {
        measure: async () => ({ sizeBytes: small.length, digest: digest('sha-256', small) }),
        read: async () => small,
      },
      clock: { wallMs: () => 0 },
    },
  );
  const { flash, nothing } = stranded();
  const brought = { envelope: signEnvelope(writeEnvelope(envelope), made.author), image: new Uint8Array() };
  assert.deepEqual(bring(flash, nothing, brought), { is: 'done', slot: 0, sequenceNumber: 3 });
  assert.equal(bootedSlot(made, flash), '0 on trial');
});

const flipped = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));

const strange = seededRandom(5).bytes(5003);
const refused: Readonly<Record<string, readonly [brought: Uint8Array, stage: string, reason: string]>> = {
  'is not signed': [
    writeEnvelope({
      digest: authentic(firmware.envelope).envelope.digest,
      blocks: [],
      manifest: authentic(firmware.envelope).envelope.manifest,
      severed: {},
      payloads: new Map(),
    }),
    'auth',
    'unauthorised',
  ],
  'is signed by a stranger': [
    await made.release(image, 3, generateSigningKey('P-256')),
    'auth',
    'unauthorised',
  ],
  'is for another class': [await made.release(image, 3, made.author, 'kettle'), 'run', 'condition-failed'],
  'is below the floor': [await made.release(second, 1), 'setup', 'unauthorised'],
  'is another manifest at the floor': [await made.release(strange, 2), 'setup', 'unauthorised'],
  'is cut off': [firmware.envelope.subarray(0, 200), 'parse', 'cbor-parse'],
};

function authentic(envelope: Uint8Array) {
  return authenticate(envelope, [{ key: made.author.public }], made.profile.limits);
}

for (const [name, [envelope, stage, reason]] of Object.entries(refused)) {
  test(`S4-46: an envelope that ${name} is refused, ${reason}, without one flash operation`, () => {
    const { flash, nothing } = stranded();
    const before = flash.operations;
    const ended = bring(flash, nothing, { envelope, image });
    assert.ok(ended.is === 'refused', JSON.stringify(ended));
    assert.deepEqual([ended.stage, ended.reason], [stage, reason]);
    assert.equal(flash.operations, before);
    // And the line is open to the right one.
    assert.equal(bring(flash, nothing, firmware).is, 'done');
  });
}

test('S4-46: an envelope with one bit changed anywhere is refused without one flash operation', () => {
  const { flash, nothing } = stranded();
  const before = flash.operations;
  for (let at = 0; at < firmware.envelope.length; at += 7) {
    const ended = bring(flash, nothing, { envelope: flipped(firmware.envelope, at), image });
    assert.equal(ended.is, 'refused', `byte ${at}`);
    assert.equal(flash.operations, before, `byte ${at}`);
  }
});

test('S4-46: an image with one bit changed is refused and not booted, and the right one may follow', () => {
  const { flash, nothing } = stranded();
  const ended = bring(flash, nothing, { ...firmware, image: flipped(image, 11_111) });
  assert.ok(ended.is === 'refused');
  assert.deepEqual([ended.stage, ended.reason], ['run', 'condition-failed']);
  assert.equal(bootedSlot(made, flash), 'nothing');
  assert.equal(bring(flash, nothing, firmware).is, 'done');
  assert.equal(bootedSlot(made, flash), '0 on trial');
});

test('S4-46: what does not fit is not begun', () => {
  const { flash, nothing } = stranded();
  const before = flash.operations;
  const tooLong = bring(flash, nothing, { ...firmware, envelope: new Uint8Array(5000) });
  assert.deepEqual(tooLong, {
    is: 'given-up',
    because: 'expected an envelope of at most 4096 bytes, found 5000',
  });
  const tooLarge = bring(flash, nothing, { ...firmware, image: new Uint8Array(30_000) });
  assert.deepEqual(tooLarge, {
    is: 'given-up',
    because: 'expected an image of at most 24576 bytes, found 30000',
  });
  assert.equal(flash.operations, before);
});

/** A sender that speaks to a loader over a wire, and is pulled out after some frames. */
test('S4-46: a recovered firmware that never proves itself runs out of attempts; it may come again', () => {
  const { flash, nothing } = stranded();
  for (let time = 0; time < 3; time++) {
    assert.equal(bring(flash, nothing, firmware).is, 'done');
    for (let start = 0; start < 3; start++) assert.equal(bootedSlot(made, flash), '0 on trial');
    assert.equal(bootedSlot(made, flash), 'nothing');
  }
});

test('S4-46: the slot with the most to lose is the last that is overwritten', () => {
  const { flash, nothing } = stranded();
  // The newer one of two that were confirmed stays as it is: it may be read at the next start.
  bring(flash, nothing, firmware);
  const { slots } = Journal.open(flash, layout.journal).bootRecord;
  assert.deepEqual([slots[0].state, slots[1].state], ['trial', 'confirmed']);
});

test('S4-85: a device that knows nobody to trust is not recovered', () => {
  const flash = flashOf(made, new Uint8Array(ruined.length).fill(0xff));
  const nothing = boot(flash, made.profile);
  assert.ok(nothing.boot === 'nothing');
  assert.equal(
    recover(flash, made.profile, nothing, () => undefined),
    undefined,
  );
  provision(flash, layout.trustStore, made.provision);
  // One that knows them, and has lost its journal, is: with it went the floor.
  assert.equal(bring(flash, nothing, made).is, 'done');
});

test('S4-46: the very release that was confirmed last may be brought again', async () => {
  const { flash, nothing } = stranded();
  const { envelope } = layout.slots[1];
  const confirmed = recordOf(made, flash).slots[1];
  assert.ok(confirmed.state === 'confirmed');
  const again = { envelope: flash.read(envelope.address, confirmed.envelopeBytes), image: second };
  assert.deepEqual(bring(flash, nothing, again), { is: 'done', slot: 0, sequenceNumber: 2 });
});
