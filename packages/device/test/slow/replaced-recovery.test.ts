/** A recovery application is replaced while the power goes, at each operation of its device's flash. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { class1DeleteFirst } from '@lapel/device';
import { seededRandom, workshop } from '@lapel/simulator';
import { chipOf, holds, lives, slotsIn, startsOf } from '../lives.ts';

const made = workshop(2);
const profile = class1DeleteFirst({ imagePages: 8 });
const [{ identifier: main }, helper] = profile.layout.components;
const recovery = helper?.identifier ?? main;

const old = await made.release(1, [main, 9001]);
const first = await made.release(1, [recovery, 4003]);
const better = await made.release(2, [recovery, 5003]);
const { content } = made.device(profile, [old, first]);
const device = () => chipOf(profile, { content });

test('S4-41, S4-44: the power goes at any operation while the recovery application is replaced', async () => {
  const whole = device();
  await lives({ profile, flash: whole, offers: [better] });
  for (let operation = 0; operation < whole.operations; operation++) {
    const cut = { operation, torn: seededRandom(operation) } as const;
    const flash = chipOf(profile, { content }, cut);
    await assert.rejects(lives({ profile, flash, offers: [better] }), { name: 'PowerCut' });
    const after = chipOf(profile, { content: flash.dump(), carried: flash.carried() });
    const { decisions } = await lives({ profile, flash: after, offers: [better] });
    assert.match(startsOf({ decisions }), /0$/, `operation ${operation}`);
    assert.deepEqual(
      slotsIn(profile, after),
      ['confirmed 1', 'empty', 'confirmed 2'],
      `operation ${operation}`,
    );
    assert.ok(holds(profile, after, 0, old) && holds(profile, after, 2, better));
  }
});
