/** Numbers of protected messages, over starts, power cuts and damage. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Journal } from '@lapel/device';
import { norFlash, seededRandom } from '@lapel/simulator';
import { messageNumbers } from '../src/message-numbers.ts';
import { copyOf, geometry, regions } from './journals.ts';

const count = 256;

/** Takes steps until the end, or until the power goes. @returns the highest number that was given out */
async function send(flash: ReturnType<typeof norFlash>, steps: number): Promise<number> {
  let highest = -1;
  try {
    const journal = Journal.open(flash, regions);
    const numbers = messageNumbers(() => journal);
    for (let step = 0; step < steps; step++) highest = (await numbers.take(count)) + count - 1;
  } catch (error) {
    assert.equal((error as Error).name, 'PowerCut');
  }
  return highest;
}

test('RFC 8613 §7.2: whenever the power goes, no number comes again', async () => {
  const steps = 60;
  const whole = norFlash({ geometry: geometry() });
  await send(whole, steps);
  for (let operation = 0; operation < whole.operations; operation++) {
    for (const isTorn of [false, true]) {
      const torn = isTorn && seededRandom(1).fork(`${operation}`);
      const flash = norFlash({ geometry: geometry(), cut: { operation, torn } });
      const highest = await send(flash, steps);
      const after = await send(copyOf(flash.dump()), 1);
      assert.ok(after - count + 1 > highest, `after operation ${operation}: ${after} follows ${highest}`);
    }
  }
});

test('RFC 8613 §7.2: nor does one come again where any byte of the journal is damaged', async () => {
  const flash = norFlash({ geometry: geometry() });
  const highest = await send(flash, 20);
  const content = flash.dump();
  for (const at of content.keys()) {
    if (content[at] === 0xff) continue;
    const after = await send(copyOf(content.with(at, 0)), 1);
    assert.ok(after - count + 1 > highest, `byte ${at}: ${after} follows ${highest}`);
  }
});

test('RFC 8613 §7.2: a device that has not started gives out no number', async () => {
  await assert.rejects(messageNumbers(() => undefined).take(count), TypeError);
});
