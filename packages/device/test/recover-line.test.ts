/** A recovery over a line that fails in every way: it is finished, or nothing has happened. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode } from '@lapel/cbor';
import type { NorFlash } from '@lapel/simulator';
import { component, deviceClass, seededRandom, vendor } from '@lapel/simulator';
import type { NothingBoots } from '@lapel/device';
import { createRecoverySender, recover } from '@lapel/device';
import { encodeFrame, frameReader } from '@lapel/transport/frame';
import { answerBytesMax, decodeAnswer, encodeAnswer } from '../src/recovery-protocol.ts';
import { bring, firmware, made, stranded } from './stranded.ts';
import { bootedSlot, className } from './world.ts';

function interrupted(flash: NorFlash, nothing: NothingBoots, frames: number, brought = firmware) {
  const toDevice: Uint8Array[] = [];
  const toSender: Uint8Array[] = [];
  const recovery = recover(flash, made.profile, nothing, (bytes) => toSender.push(bytes));
  assert.ok(recovery !== undefined);
  const plug = () => createRecoverySender(brought, (bytes) => toDevice.push(bytes));
  let sender = plug();
  let carried = 0;
  const offsets: number[] = [];
  while (sender.state.is === 'asking' || sender.state.is === 'sending') {
    if (sender.state.is === 'sending' && sender.state.what === 'image') offsets.push(sender.state.offset);
    const frame = toDevice.shift();
    if (frame === undefined) break;
    if (carried++ === frames) {
      // Half of it is on the wire when the plug is pulled.
      recovery.receive(frame.subarray(0, frame.length / 2));
      toDevice.length = 0;
      sender = plug();
      continue;
    }
    recovery.receive(frame);
    for (const answer of toSender.splice(0)) sender.receive(answer);
  }
  return { state: sender.state, carried, offsets };
}

test('S4-46: whoever is pulled out in the middle of any frame and comes back, finishes', () => {
  const whole = interrupted(stranded().flash, stranded().nothing, -1);
  assert.equal(whole.state.is, 'done');
  for (let frames = 0; frames < whole.carried; frames++) {
    const { flash, nothing } = stranded();
    assert.equal(interrupted(flash, nothing, frames).state.is, 'done', `pulled in frame ${frames}`);
    assert.equal(bootedSlot(made, flash), '0 on trial');
  }
});

test('S4-46: a recovery goes on behind the last mark, for whoever brings the same manifest again', () => {
  const { flash, nothing } = stranded();
  const { carried } = interrupted(stranded().flash, stranded().nothing, -1);
  const { offsets } = interrupted(flash, nothing, carried - 2);
  const again = offsets.findIndex((offset, index) => index > 0 && offset < (offsets[index - 1] ?? 0));
  assert.equal(offsets[again], 16_384);
});

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`S4-46: over a line that loses, repeats and changes bytes, a recovery succeeds, seed ${seed}`, () => {
    const random = seededRandom(seed);
    const { flash, nothing } = stranded();
    const faults = { random, lossShare: 0.08, repeatShare: 0.1, noiseShare: 0.05 };
    assert.equal(bring(flash, nothing, firmware, faults).is, 'done');
    assert.equal(bootedSlot(made, flash), '0 on trial');
  });
}

test('S4-46: noise and silence change nothing, and a firmware may come after them', () => {
  const { flash, nothing } = stranded();
  const before = flash.dump();
  const said: Uint8Array[] = [];
  const recovery = recover(flash, made.profile, nothing, (bytes) => said.push(bytes));
  const random = seededRandom(6);
  for (let round = 0; round < 100; round++) recovery?.receive(random.bytes(1000));
  // What is framed well and means nothing is no better.
  for (let length = 1; length < 100; length++) recovery?.receive(encodeFrame(random.bytes(length)));
  assert.equal(recovery?.isDone, false);
  assert.deepEqual(said, []);
  assert.deepEqual(flash.dump(), before);
  const silent = bring(flash, nothing, firmware, { random, lossShare: 1 });
  assert.equal(silent.is, 'given-up');
  assert.deepEqual(flash.dump(), before);
  assert.equal(bring(flash, nothing, firmware).is, 'done');
});

test('S4-46: a sender of another version learns which one the loader speaks, and what it takes', () => {
  const { flash, nothing } = stranded();
  const said: Uint8Array[] = [];
  const recovery = recover(flash, made.profile, nothing, (bytes) => said.push(bytes));
  const reader = frameReader(answerBytesMax);
  for (const version of [1, 2]) {
    recovery?.receive(encodeFrame(encode([version, 7, 1, new Map()])));
    const [payload = new Uint8Array()] = reader.push(said.pop() ?? new Uint8Array());
    const { because, ...device } = deviceIn(payload);
    assert.match(because, /^no slot verifies; slot 1 refused: /);
    assert.deepEqual(device, {
      name: 'device',
      device: 'lamp-1',
      vendor,
      class: deviceClass(className),
      component,
      slot: 0,
      floor: 2,
      envelopeBytesMax: 4096,
      imageBytesMax: 24_576,
      chunkBytesMax: 512,
    });
  }
});

function deviceIn(payload: Uint8Array) {
  const { version, number, message } = decodeAnswer(payload) ?? {};
  assert.deepEqual([version, number], [1, 7]);
  assert.ok(message?.name === 'device');
  return message;
}

test('S4-46: a sender gives up on a device that begins anew for ever, and on one of another version', () => {
  let asked = 0;
  const sender = createRecoverySender(firmware, () => asked++);
  const answer = (number: number) =>
    sender.receive(encodeFrame(encodeAnswer(number, { name: 'wants', what: 'envelope', offset: 0 })));
  // What answers nothing that was asked is not listened to.
  answer(7);
  assert.equal(asked, 1);
  for (let number = 1; number < 1000; number++) answer(number);
  assert.equal(asked, 102);
  assert.deepEqual(sender.state, {
    is: 'given-up',
    because: 'expected the device to go on, found it beginning anew 101 times',
  });

  const other = createRecoverySender(firmware, () => undefined);
  other.receive(encodeFrame(encode([2, 1, 'anything'])));
  assert.deepEqual(other.state, {
    is: 'given-up',
    because: 'expected a bootloader with recovery 1, found one with 2',
  });
});
