/** Trials: each has an end, and only firmware that proves itself stays. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TransportError } from '@lapel/transport';
import type { Life } from './life.ts';
import { asksServer, bootsOf, liveUntilQuiet, newImage, offers, origin, seenIn, withServer } from './life.ts';
import { flashOf, make, recordOf } from './world.ts';

const imagePages = 16;

const failures = [
  ['S4-121: firmware that fails its self-test', 'sick', '0 1t 0', 'the self-test failed'],
  ['S4-121: firmware that crashes', 'crashes', '0 1t 1t 1t 0', 'not confirmed within its attempts'],
] as const;

for (const [name, behaviour, boots, because] of failures) {
  test(`${name} is given up, and never installed again by itself, not even after a restart`, async () => {
    const made = await make({ imagePages });
    await withServer(made, async ({ handler, publish }) => {
      await publish(await made.release(newImage, 2), newImage);
      const flash = flashOf(made);
      const life: Life = { flash, handler, behaviour: ({ slot }) => (slot === 1 ? behaviour : 'sound') };
      const { decisions } = await liveUntilQuiet(made, life);
      assert.equal(bootsOf({ decisions }), boots);
      assert.equal(recordOf(made, flash).reverted?.because, because);
      assert.equal(seenIn(made, flash).floor, 1);
      const { operations } = flash;
      for (let start = 0; start < 3; start++) {
        assert.equal(bootsOf(await liveUntilQuiet(made, life)), '0');
      }
      assert.equal(flash.operations, operations, 'nothing is written for it any more');
      // What is repaired and numbered higher is taken.
      await publish(await made.release(newImage.subarray(1), 3), newImage.subarray(1));
      await liveUntilQuiet(made, { flash, handler });
      assert.equal(seenIn(made, flash).floor, 3);
    });
  });
}

test('§16: an operator may offer a failed update anew, but it is not installed a fifth time', async () => {
  const made = await make({ imagePages: 4 });
  const image = newImage.subarray(0, 3000);
  await withServer(made, async ({ handler, publish }) => {
    const envelope = await made.release(image, 2);
    await publish(envelope, image);
    const flash = flashOf(made);
    for (let round = 1; round <= 6; round++) {
      const source = offers(() => ({
        uri: `${origin}/manifests/x`,
        envelope,
        binding: { nonce: new Uint8Array(16).fill(round), generation: round },
      }));
      const { decisions } = await liveUntilQuiet(made, {
        flash,
        handler,
        connect: () => source,
        behaviour: ({ slot }) => (slot === 1 ? 'sick' : 'sound'),
      });
      assert.equal(bootsOf({ decisions }), round <= 4 ? '0 1t 0' : '0', `round ${round}`);
    }
    assert.equal(recordOf(made, flash).reverted?.times, 4);
  });
});

test('§5.4: a device on trial asks for no other update until the trial has ended', async () => {
  const made = await make({ imagePages, trust: { confirmBy: 'tracker' } });
  await withServer(made, async ({ handler, publish }) => {
    await publish(await made.release(newImage, 2), newImage);
    const flash = flashOf(made);
    const order: string[] = [];
    let running: string = '';
    await liveUntilQuiet(made, {
      flash,
      handler,
      connect(trust, booted) {
        running = `${booted.slot}${booted.onTrial ? 't' : ''}`;
        const source = asksServer(made, handler, trust, booted);
        let answered = 0;
        return {
          ...source,
          async announce({ state }) {
            order.push(`${running} ${state}`);
            // The tracker is away for a while.
            if (state === 'awaiting-confirmation' && answered++ < 3)
              throw new TransportError('unreachable', 'away');
            return true;
          },
          next: (signal) => (order.push(`${running} next`), source.next(signal)),
        };
      },
    });
    const trial = order.filter((each) => each.startsWith('1t'));
    assert.deepEqual(trial.slice(0, 6), [
      ...Array.from({ length: 4 }, () => '1t awaiting-confirmation'),
      '1t idle',
      '1t next',
    ]);
    assert.equal(seenIn(made, flash).floor, 2);
  });
});

test('§16: being unreachable costs no attempt; the deadline ends the trial', async () => {
  const made = await make({ imagePages, trust: { confirmBy: 'tracker', deadlineMs: 3_600_000 } });
  await withServer(made, async ({ handler, publish }) => {
    await publish(await made.release(newImage, 2), newImage);
    const kinds = ['unreachable', 'no-answer', 'malformed', 'refused'] as const;
    for (const kind of kinds) {
      const flash = flashOf(made);
      const { decisions, ms } = await liveUntilQuiet(made, {
        flash,
        handler,
        connect: (trust, running) => ({
          ...asksServer(made, handler, trust, running),
          async announce({ state }) {
            if (state === 'awaiting-confirmation') throw new TransportError(kind, 'not now');
            return true;
          },
        }),
      });
      assert.equal(bootsOf({ decisions }), '0 1t 0', kind);
      assert.ok(ms >= 3_600_000, kind);
      const because = 'no answer from the status tracker within 3600000 ms';
      assert.equal(recordOf(made, flash).reverted?.because, because);
    }
  });
});

test('§16: an answer of somebody who has not proved who it is confirms nothing', async () => {
  const made = await make({ imagePages, trust: { confirmBy: 'tracker' } });
  await withServer(made, async ({ handler, publish }) => {
    await publish(await made.release(newImage, 2), newImage);
    const flash = flashOf(made);
    // A firmware server answers, and is no tracker.
    assert.equal(bootsOf(await liveUntilQuiet(made, { flash, handler })), '0 1t 0');
    assert.equal(seenIn(made, flash).floor, 1);
  });
});

test('§5.4: neither a self-test nor a tracker that hangs keeps a trial from its end', async () => {
  const made = await make({ imagePages, trust: { confirmBy: 'tracker' } });
  const hangs = () => new Promise<never>(() => undefined);
  await withServer(made, async ({ handler, publish }) => {
    await publish(await made.release(newImage, 2), newImage);
    for (const what of ['self-test', 'tracker'] as const) {
      const flash = flashOf(made);
      const { decisions } = await liveUntilQuiet(made, {
        flash,
        handler,
        behaviour: ({ onTrial }) => (what === 'self-test' && onTrial ? 'hangs' : 'sound'),
        connect: (trust, running) => ({
          ...asksServer(made, handler, trust, running),
          announce: async ({ state }) => (state === 'awaiting-confirmation' ? hangs() : true),
        }),
      });
      assert.equal(bootsOf({ decisions }), '0 1t 0', what);
    }
  });
});
