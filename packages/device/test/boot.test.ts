/** The bootloader: what it boots, what it refuses, and that neither a power cut nor rot makes it give up. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode } from '@lapel/cbor';
import { generateSigningKey } from '@lapel/cose';
import type { Flash } from '@lapel/device';
import { Journal, boot } from '@lapel/device';
import type { NorFlash } from '@lapel/simulator';
import { norFlash, readFlash, seededRandom } from '@lapel/simulator';
import { readEnvelope, writeEnvelope } from '@lapel/suit';
import { confirmation } from '../src/storage/snapshot.ts';
import type { Made } from './world.ts';
import { guarded } from './life.ts';
import { bootedSlot, flashOf, make, onTrial, recordOf, withSlot1 } from './world.ts';

const made = await make();
const { layout } = made.profile;
const newer = { image: seededRandom(2).bytes(2777), sequence: 2 };
const update = { image: newer.image, envelope: await made.release(newer.image, newer.sequence) };

/** Changes bytes in a copy of a flash. */
function changed(content: Uint8Array, at: number, change: (byte: number) => number): Uint8Array {
  const copy = content.slice();
  copy[at] = change(copy[at] ?? 0) & 0xff;
  return copy;
}

const booted = (content: Uint8Array, of: Made = made) => bootedSlot(of, flashOf(of, content));

test('S4-45, S4-119: the bootloader verifies the stored envelope and the image at every start', () => {
  const flash = flashOf(made);
  const decision = boot(flash, made.profile);
  assert.equal(decision.boot, 'slot');
  assert.equal(decision.reason, 'slot 0 confirmed');
  const { operations } = flash;
  assert.equal(bootedSlot(made, flash), '0');
  assert.equal(flash.operations, operations, 'a start of a confirmed image writes nothing');
});

test('X-46, S4-118: one flipped bit anywhere in a small image is never booted', async () => {
  const image = seededRandom(3).bytes(61);
  const small = await make({ imageBytes: 61 });
  const content = withSlot1(small, { image, envelope: await small.release(image, 2) }, onTrial());
  assert.equal(booted(content, small), '1 on trial');
  const start = small.profile.layout.slots[1].image.address;
  for (let bit = 0; bit < image.length * 8; bit++) {
    const flipped = changed(content, start + (bit >> 3), (byte) => byte ^ (1 << (bit & 7)));
    assert.equal(booted(flipped, small), '0', `bit ${bit}`);
  }
});

test('X-46, S4-118: one flipped bit anywhere in image or envelope is never booted', () => {
  const seed = 11;
  const random = seededRandom(seed);
  const content = withSlot1(made, update, onTrial());
  const { envelope, image } = layout.slots[1];
  const places = [
    ...Array.from({ length: update.envelope.length }, (_, at) => envelope.address + at),
    ...Array.from({ length: 150 }, () => image.address + random.below(update.image.length)),
  ];
  for (const at of places) {
    const bit = 1 << random.below(8);
    const where = `seed ${seed}, byte ${at}`;
    assert.equal(booted(changed(content, at, (byte) => byte ^ bit)), '0', where);
  }
});

test('X-53: nothing may lie behind the image that its digest does not cover', () => {
  const content = withSlot1(made, update, onTrial());
  const { image } = layout.slots[1];
  const end = image.address + update.image.length;
  for (const at of [end, end + 1, end + 8, image.address + image.bytes - 1]) {
    assert.equal(
      booted(changed(content, at, () => 0)),
      '0',
      `byte ${at - image.address} of ${update.image.length}`,
    );
  }
});

test('X-47: an envelope without a signature, or with one of a stranger, is not booted', async () => {
  const { limits } = made.profile;
  const bare = writeEnvelope({ ...readEnvelope(update.envelope, limits), blocks: [] });
  const stranger = await made.release(newer.image, 2, generateSigningKey('P-256'));
  for (const envelope of [bare, stranger, encode('firmware'), new Uint8Array(300)]) {
    const content = withSlot1(made, update, onTrial());
    const { address, bytes } = layout.slots[1].envelope;
    content.fill(0xff, address, address + bytes);
    content.set(envelope, address);
    assert.equal(booted(content), '0');
  }
});

test('S4-40, X-46: another authentic firmware in place of the one installed is not booted', async () => {
  const swaps = [1, 2, 3].map(async (sequence) => {
    const image = seededRandom(20 + sequence).bytes(2777);
    return { sequence, image, envelope: await made.release(image, sequence) };
  });
  for (const { sequence, image, envelope } of await Promise.all(swaps)) {
    // Whoever holds the flash can write both; the journal still tells which manifest was on trial.
    const content = withSlot1(made, update, onTrial());
    content.set(envelope, layout.slots[1].envelope.address);
    content.set(image, layout.slots[1].image.address);
    assert.equal(booted(content), '0', `sequence number ${sequence}`);
  }
});

test('RFC 9019 §4.1, S4-121: an image that never confirms is given up after its attempts', () => {
  const flash = flashOf(made, withSlot1(made, update, onTrial(3)));
  const seen = Array.from({ length: 6 }, () => bootedSlot(made, flash));
  assert.deepEqual(seen, ['1 on trial', '1 on trial', '1 on trial', '0', '0', '0']);
  const { reverted, slots, floors } = recordOf(made, flash);
  assert.equal(reverted?.because, 'not confirmed within its attempts');
  assert.equal(slots[1].state, 'unusable');
  assert.equal(floors.get('00')?.sequenceNumber, 1, 'a trial raises no floor');
});

test('S4-41: an attempt that hangs has been counted before anything of the image is read', () => {
  const flash = flashOf(made, withSlot1(made, update, onTrial(2)));
  const { envelope, image } = layout.slots[1];
  const hangs: Flash = {
    geometry: flash.geometry,
    program: (address, bytes) => flash.program(address, bytes),
    erase: (address) => flash.erase(address),
    read(address, length) {
      if (address >= envelope.address && address < image.address + image.bytes) throw new Error('hangs');
      return flash.read(address, length);
    },
  };
  assert.throws(() => boot(hangs, made.profile), /hangs/);
  assert.throws(() => boot(hangs, made.profile), /hangs/);
  assert.equal(bootedSlot(made, hangs), '0');
});

test('S4-41: a confirmed image that rots is written off, and the other one boots', () => {
  const { address } = layout.slots[1].image;
  const content = confirmedIn1();
  assert.equal(booted(content), '1');
  const flash = flashOf(
    made,
    changed(content, address, (byte) => ~byte),
  );
  const decision = boot(flash, made.profile);
  assert.match(decision.reason, /^slot 0 confirmed; slot 1 refused: validate \(7\): expected an image with/);
  const { slots, floors } = recordOf(made, flash);
  assert.equal(slots[1].state, 'unusable');
  assert.equal(floors.get('00')?.sequenceNumber, 2, 'the floor stays');
});

test('S4-41: where no slot verifies nothing is written off: what reads well again boots again', () => {
  const content = confirmedIn1();
  let bad = changed(content, layout.slots[1].image.address, (byte) => ~byte);
  bad = changed(bad, layout.slots[0].image.address, (byte) => ~byte);
  const flash = flashOf(made, bad);
  const operations = [1, 2, 3].map(() => {
    const decision = boot(flash, made.profile);
    assert.equal(decision.boot, 'nothing');
    assert.match(decision.reason, /^no slot verifies; slot 1 refused: .*; slot 0 refused: /);
    return flash.operations;
  });
  // The first start behind a change says that it has read it, the others write nothing.
  assert.equal(operations[2], operations[0]);
  const healed = flash.dump();
  healed.set(update.image, layout.slots[1].image.address);
  assert.equal(booted(healed), '1');
});

test('S4-41: an image on trial that rots is written off as rotten, which blames nobody’s release', () => {
  const content = changed(withSlot1(made, update, onTrial()), layout.slots[1].image.address, (byte) => ~byte);
  const flash = flashOf(made, content);
  assert.equal(bootedSlot(made, flash), '0');
  const { reverted } = recordOf(made, flash);
  assert.equal(reverted?.rotten, true);
  assert.equal(reverted.times, 1);
});

test('S4-47: a start writes to the journal, and nowhere else', () => {
  for (const content of [made.factory, withSlot1(made, update, onTrial(1)), confirmedIn1()]) {
    const inner = flashOf(made, content);
    const last = layout.journal[1].address + layout.journal[1].bytes;
    const within = (address: number) => {
      assert.ok(address >= layout.journal[0].address && address < last, `wrote at ${address}`);
    };
    const flash: Flash = {
      geometry: inner.geometry,
      read: (address, length) => inner.read(address, length),
      program: (address, bytes) => (within(address), inner.program(address, bytes)),
      erase: (address) => (within(address), inner.erase(address)),
    };
    for (let start = 0; start < 4; start++)
      bootedSlot(
        made,
        guarded(flash, made.profile, () => undefined),
      );
  }
});

test('S4-40, S4-41: a power cut at any operation of a start costs no floor, and the next start boots', () => {
  const content = withSlot1(made, update, onTrial(1));
  const { geometry } = layout;
  // The first start counts the attempt, the second gives the trial up.
  const starts = (flash: NorFlash) => [1, 2, 3].map(() => boot(flash, made.profile));
  const uncut = norFlash({ geometry, content });
  starts(uncut);
  assert.ok(uncut.operations > 4);
  for (let operation = 0; operation < uncut.operations; operation++) {
    for (const torn of [false, seededRandom(operation)] as const) {
      const flash = norFlash({ geometry, content, cut: { operation, torn } });
      assert.throws(() => starts(flash), { name: 'PowerCut' });
      const after = flashOf(made, flash.dump());
      assert.equal(readFlash(after.dump(), layout).floor, 1);
      const seen = [1, 2, 3].map(() => bootedSlot(made, after));
      assert.equal(seen.at(-1), '0', `operation ${operation}`);
      assert.ok(seen.every((each) => each === '0' || each === '1 on trial'));
    }
  }
});

function confirmedIn1(): Uint8Array {
  const flash = flashOf(made, withSlot1(made, update, onTrial()));
  const journal = Journal.open(flash, layout.journal);
  const record = confirmation(journal.bootRecord, 1, [made.profile.layout.components[0].identifier]);
  assert.ok(record !== undefined);
  journal.append(record);
  return flash.dump();
}
