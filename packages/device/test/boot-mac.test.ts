/**
 * The bootloader's own word for a signature that it has checked once: what it stands for, and what it does
 * not.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildEnvelope, signEnvelope } from '@lapel/author';
import { digest, encodeVerificationKey, generateSigningKey } from '@lapel/cose';
import type { BootDecision, Booted, Provision } from '@lapel/device';
import { Journal, boot, provision } from '@lapel/device';
import { component, deviceClass, seededRandom, vendor } from '@lapel/simulator';
import { readEnvelope, writeEnvelope } from '@lapel/suit';
import { stateOf } from '../src/storage/slot-state.ts';
import type { Made } from './world.ts';
import { className, flashOf, make, onTrial, recordOf, withSlot1 } from './world.ts';

const bootSecret = seededRandom(4).bytes(32);
const made = await make({ imageBytes: 1201, trust: { bootSecret } });
const { layout, limits } = made.profile;
const [{ envelope: place, image }] = layout.slots;

const newer = seededRandom(2).bytes(777);
const update = { image: newer, envelope: await made.release(newer, 2) };

const withSecret = (secret: Uint8Array | undefined): Provision => {
  const { bootSecret: _, ...rest } = made.provision;
  return secret === undefined ? rest : { ...rest, bootSecret: secret };
};

/** The flash with bits of one byte changed. */
const flipped = (content: Uint8Array, at: number, bits = 1): Uint8Array =>
  content.with(at, (content[at] ?? 0) ^ bits);

/** Flash whose bootloader has checked the signature of what is confirmed in slot 0, and said so. */
const vouched = made.factory;
/** The same, with the signature gone bad: only the bootloader's own word is left. */
const withoutSignature = flipped(vouched, place.address + (blockIn(made.envelope).at(-1) ?? 0));

const bootOf = (content: Uint8Array, of: Made = made): BootDecision => boot(flashOf(of, content), of.profile);

/** How what boots was proved, or why nothing does. */
function provedBy(content: Uint8Array, of: Made = made): string {
  const decision = bootOf(content, of);
  return decision.boot === 'nothing' ? 'nothing' : decision.running.map(({ by }) => by).join(' ');
}

/** The bytes of an envelope's only authentication block: signature, algorithm and all. */
function blockIn(envelope: Uint8Array): readonly number[] {
  const [block = new Uint8Array()] = readEnvelope(envelope, limits).blocks;
  const at = Buffer.from(envelope).indexOf(block);
  return Array.from(block, (_, index) => at + index);
}

test('S4-119, S4-113: the second start checks no signature: its bytes may be anything by then', () => {
  const block = blockIn(made.envelope);
  assert.ok(block.length > 64);
  for (const at of block) assert.equal(provedBy(flipped(vouched, place.address + at)), 'mac', `byte ${at}`);
  // Without a secret of its own a device checks it at every start.
  const plain = flashOf(made, vouched);
  provision(plain, layout.trustStore, withSecret(undefined));
  assert.equal(provedBy(plain.dump()), 'signature');
  const [first = 0] = block;
  assert.equal(provedBy(flipped(plain.dump(), place.address + first + 12)), 'nothing');
});

test('S4-119: the first start of what was installed checks the signature, and only then says so', () => {
  const content = withSlot1(made, update, onTrial());
  const flash = flashOf(made, content);
  const first = boot(flash, made.profile) as Booted;
  assert.deepEqual([first.slot, first.running[0].by], [1, 'signature']);
  const again = boot(flash, made.profile) as Booted;
  assert.deepEqual([again.slot, again.running[0].by], [1, 'mac']);
  // Once said, nothing is written for it any more: a start of what is confirmed writes nothing.
  const confirmed = flashOf(made, vouched);
  boot(confirmed, made.profile);
  const { operations } = confirmed;
  boot(confirmed, made.profile);
  assert.equal(confirmed.operations, operations);
  const [at = 0] = blockIn(update.envelope);
  const bad = flipped(content, layout.slots[1].envelope.address + at + 12);
  assert.equal((bootOf(bad) as Booted).slot, 0);
});

test('S4-119, X-46: it replaces nothing but the signature: any other bit of envelope or image counts', () => {
  const block = new Set(blockIn(made.envelope));
  const random = seededRandom(5);
  for (let at = 0; at < made.envelope.length; at += 2) {
    if (block.has(at)) continue;
    const bad = flipped(vouched, place.address + at, 1 << random.below(8));
    assert.equal(provedBy(bad), 'nothing', `byte ${at} of the envelope`);
  }
  for (let at = 0; at < made.image.length; at += 23) {
    const bad = flipped(vouched, image.address + at, 1 << random.below(8));
    assert.equal(provedBy(bad), 'nothing', `byte ${at} of the image`);
  }
});

/** What is confirmed in slot 0, and its voucher, as somebody who holds the flash would have it. */
function retold(change: Partial<Confirmed>, slot = 0, code?: Uint8Array): Uint8Array {
  const flash = flashOf(made, withoutSignature);
  const { voucher, state: _, ...held } = voucherIn();
  const { digest: of, sequenceNumber, envelopeBytes, imageBytes } = { ...held, ...change };
  const told = { digest: of, sequenceNumber, envelopeBytes, components: [component] };
  const journal = Journal.open(flash, layout.journal);
  journal.append({ name: 'unusable', slot: 1 - slot, because: 'gone' });
  journal.append({ name: 'confirmed', images: [[slot, imageBytes]], ...told });
  journal.append({ name: 'vouched', slot, voucher: code ?? voucher });
  return flash.dump();
}

interface Confirmed {
  readonly digest: Uint8Array;
  readonly sequenceNumber: number;
  readonly envelopeBytes: number;
  readonly imageBytes: number;
}

test('S4-119: it is of one slot, one length, one sequence number and one manifest', () => {
  assert.equal(provedBy(retold({})), 'mac');
  const { imageBytes, envelopeBytes, sequenceNumber, voucher } = voucherIn();
  const lies: readonly (readonly [string, Uint8Array])[] = [
    ['another length of the image', retold({ imageBytes: imageBytes - 1 })],
    ['another length of the envelope', retold({ envelopeBytes: envelopeBytes + 1 })],
    ['another sequence number', retold({ sequenceNumber: sequenceNumber + 1 })],
    ['another manifest', retold({ digest: digest('sha-256', made.image) })],
    [
      'another voucher',
      retold(
        {},
        0,
        voucher.map((byte, at) => (at === 31 ? byte ^ 1 : byte)),
      ),
    ],
    ['another slot', inSlot1(retold({}, 1))],
  ];
  for (const [name, content] of lies) assert.equal(provedBy(content), 'nothing', name);
});

/** The same bytes in the other slot. */
function inSlot1(content: Uint8Array): Uint8Array {
  const copy = content.slice();
  const [from, to] = layout.slots;
  copy.set(
    content.subarray(from.envelope.address, from.image.address + from.image.bytes),
    to.envelope.address,
  );
  return copy;
}

test('S4-119: it is of one device, and of one trust anchor: without either the signature must hold', () => {
  for (const [name, trust] of [
    ['another device', withSecret(seededRandom(6).bytes(32))],
    [
      'another anchor',
      { ...made.provision, anchors: [encodeVerificationKey(generateSigningKey('P-256').public)] },
    ],
  ] as const) {
    const flash = flashOf(made, withoutSignature);
    provision(flash, layout.trustStore, trust);
    assert.equal(provedBy(flash.dump()), 'nothing', name);
  }
  // The same image with its signature: another secret makes another voucher, another anchor makes none.
  const moved = flashOf(made, vouched);
  provision(moved, layout.trustStore, withSecret(seededRandom(6).bytes(32)));
  assert.equal(provedBy(moved.dump()), 'signature');
  const retired = flashOf(made, vouched);
  const other = encodeVerificationKey(generateSigningKey('P-256').public);
  provision(retired, layout.trustStore, { ...made.provision, anchors: [other] });
  assert.equal(provedBy(retired.dump()), 'nothing', 'an anchor that is trusted no longer');
});

test('S4-45, S4-120: a severed envelope boots, by its signature and by the voucher', async () => {
  const carried = seededRandom(7).bytes(1500);
  const built = await buildEnvelope(
    {
      sequence: 2,
      vendorIdentifier: vendor,
      classIdentifier: deviceClass(className),
      components: [{ id: component, images: [{ image: 'x', payload: 'published' }], bootable: true }],
      severable: ['install', 'text'],
      text: { rest: [['en', { updateDescription: 'much to read '.repeat(40), rest: [] }]] },
    },
    {
      images: {
        measure: async () => ({ sizeBytes: carried.length, digest: digest('sha-256', carried) }),
        read: async () => carried,
      },
      clock: { wallMs: () => 0 },
    },
  );
  const whole = signEnvelope(writeEnvelope(built), made.author);
  const severed = writeEnvelope({ ...readEnvelope(whole, limits), severed: {} });
  assert.ok(severed.length < whole.length - 500, `${severed.length} of ${whole.length} bytes`);
  for (const envelope of [whole, severed]) {
    const flash = flashOf(made, withSlot1(made, { envelope, image: carried }, onTrial()));
    const starts = [boot(flash, made.profile), boot(flash, made.profile)] as Booted[];
    assert.deepEqual(
      starts.map(({ slot, running: [{ by }] }) => [slot, by]),
      [
        [1, 'signature'],
        [1, 'mac'],
      ],
    );
  }
  const tampered = withSlot1(made, { envelope: severed, image: carried.toReversed() }, onTrial());
  assert.equal((bootOf(tampered) as Booted).slot, 0);
});

function voucherIn() {
  const state = stateOf(recordOf(made, flashOf(made, vouched)).slots, 0);
  assert.ok(state.state === 'confirmed' && state.voucher !== undefined);
  return { ...state, voucher: state.voucher };
}
