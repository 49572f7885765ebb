/** Attacks on a trial: whoever sits between device and tracker can end it only one way, and not soon. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeVerificationKey, generateSigningKey, openSigned, signAttached } from '@lapel/cose';
import type { Booted, DeviceStatus } from '@lapel/device';
import { class1, readTrustStore } from '@lapel/device';
import type { NorFlash } from '@lapel/simulator';
import { deviceClass, seededRandom, simulatedClock, vendor, workshop } from '@lapel/simulator';
import { createMemoryStore, createStatusTracker } from '@lapel/status-tracker';
import { createTrackerClient } from '@lapel/status-tracker/client';
import type { Handler, Response } from '@lapel/transport';
import { TransportError, bytesBody, collect } from '@lapel/transport';
import { stateOf } from '../src/storage/slot-state.ts';
import { chipOf, lives, slotsIn, startsOf } from './lives.ts';
import { className } from './world.ts';

const made = workshop(10);
const profile = class1({ imagePages: 4 });
const [{ identifier: main }] = profile.layout.components;
const [old, update, later] = [
  await made.release(1, [main, 3001]),
  await made.release(2, [main, 3003]),
  await made.release(3, [main, 3005]),
];
const trackerKey = generateSigningKey('P-256');
const deadlineMs = 300_000;
const factory = made.device(profile, [old], {
  confirmBy: 'tracker',
  trackerKey: encodeVerificationKey(trackerKey.public),
  deadlineMs,
});
const receiptBytesMax = 1024;

type Between = (tracker: Handler) => Handler;

/** A device and its tracker, real ones, with somebody between them while the update is on trial. */
async function tried(flash: NorFlash, between: Between, onTrialStatus?: (running: Booted) => void) {
  const clock = simulatedClock();
  const trust = readTrustStore(flash, profile.layout.trustStore) ?? assert.fail('expected a trust store');
  const tracker = await createStatusTracker({
    store: createMemoryStore(),
    clock,
    random: seededRandom(1),
    trackerKey,
    operators: [],
    releases: () => undefined,
    onBug: (error) => assert.fail(String(error)),
  });
  const own = { vendor, class: deviceClass(className) };
  await tracker.desk.provision({ id: trust.device, key: trust.deviceKey.public, ...own }, 'test');
  const clientOf = (handler: Handler) =>
    createTrackerClient({
      ...own,
      handler,
      device: trust.device,
      key: trust.deviceKey,
      trackerKey: trackerKey.public,
      clock,
      random: seededRandom(2),
    });
  const [open, closed] = [clientOf(tracker.handler), clientOf(between(tracker.handler))];
  const announce = async (status: DeviceStatus, running: Booted): Promise<boolean> => {
    if (running.onTrial) onTrialStatus?.(running);
    await (running.onTrial ? closed : open).checkIn(status);
    return true;
  };
  const seen = await lives({ profile, flash, offers: [update], announce, clock });
  await tracker.close();
  return { ...seen, ms: clock.monotonicMs() };
}

/** Answers a check-in with what it makes of the tracker's own answer. */
const answering =
  (forge: (receipt: Uint8Array) => Uint8Array): Between =>
  (tracker) =>
  async (asked) => {
    const response = await tracker(asked);
    if (asked.path !== '/check-in') return response;
    return answered(response, forge(await collect(response.body, receiptBytesMax)));
  };

const answered = ({ status }: Response, body: Uint8Array): Response => ({ status, body: bytesBody(body) });

const payloadOf = (receipt: Uint8Array) => openSigned(receipt, [trackerKey.public]).payload;

/** The first receipt, again and again, for every later check-in. */
function replaying(): (receipt: Uint8Array) => Uint8Array {
  let first: Uint8Array | undefined;
  return (receipt) => {
    const isFirst = first === undefined;
    first ??= receipt;
    // The very first answer would be a true one.
    return isFirst ? new Uint8Array() : first;
  };
}

const stranger = generateSigningKey('P-256');
const forgeries: Readonly<Record<string, (receipt: Uint8Array) => Uint8Array>> = {
  'an answer without any proof': () => new Uint8Array(),
  'a receipt that is not signed': payloadOf,
  'a receipt that a stranger signed': (receipt) => signAttached(stranger, payloadOf(receipt)),
  'a true receipt for another nonce': replaying(),
  'a receipt for another nonce, signed over the right one': (receipt) => {
    const changed = payloadOf(receipt).map((byte, at) => (at === 20 ? byte ^ 1 : byte));
    const at = Buffer.from(receipt).indexOf(payloadOf(receipt));
    const copy = receipt.slice();
    copy.set(changed, at);
    return copy;
  },
};

for (const [name, forge] of Object.entries(forgeries)) {
  test(`S4-121: ${name} confirms no trial: it is taken back at its deadline`, async () => {
    const flash = chipOf(profile, factory);
    const seen = await tried(flash, answering(forge));
    assert.equal(startsOf(seen), '0 1t 0');
    assert.deepEqual(slotsIn(profile, flash), ['confirmed 1', 'unusable']);
    assert.ok(seen.ms >= deadlineMs);
  });
}

test('S4-121: a true receipt, in answer to this very check-in, does', async () => {
  const flash = chipOf(profile, factory);
  assert.equal(
    startsOf(
      await tried(
        flash,
        answering((receipt) => receipt),
      ),
    ),
    '0 1t',
  );
  assert.deepEqual(slotsIn(profile, flash), ['confirmed 1', 'confirmed 2']);
});

test('S4-121, S4-141: a jammed trial costs no attempt; the old firmware stays usable behind it', async () => {
  const flash = chipOf(profile, factory);
  const attempts = new Set<number>();
  const jammed: Between = () => async () => {
    throw new TransportError('unreachable', 'jammed');
  };
  const seen = await tried(flash, jammed, ({ journal }) => {
    const state = stateOf(journal.bootRecord.slots, 1);
    assert.ok(state.state === 'trial');
    attempts.add(state.attemptsLeft);
  });
  assert.equal(startsOf(seen), '0 1t 0');
  // The one of its start, of three; asking again and again has cost no other.
  assert.deepEqual([...attempts], [2]);
  assert.ok(seen.ms >= deadlineMs && seen.ms < 2 * deadlineMs, `${seen.ms} ms`);
  assert.ok(seen.statuses.filter(({ state }) => state === 'awaiting-confirmation').length > 8);
  assert.equal(startsOf(await lives({ profile, flash, offers: [later] })), '0 1t');
  assert.deepEqual(slotsIn(profile, flash), ['confirmed 1', 'confirmed 3']);
});

test('S4-121: a jam that ends before the deadline has done nothing', async () => {
  const flash = chipOf(profile, factory);
  let asked = 0;
  const jammed: Between = (tracker) => async (message) => {
    if (++asked < 8) throw new TransportError('no-answer', 'jammed');
    return tracker(message);
  };
  assert.equal(startsOf(await tried(flash, jammed)), '0 1t');
  assert.deepEqual(slotsIn(profile, flash), ['confirmed 1', 'confirmed 2']);
});
