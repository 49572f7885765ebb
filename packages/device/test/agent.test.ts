/** Whole updates of a device, with a real firmware server behind links of every kind. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boot } from '@lapel/device';
import { lossy, norFlash, seededRandom } from '@lapel/simulator';
import { linux, readEnvelope, writeEnvelope } from '@lapel/suit';
import type { Handler, Request, Response } from '@lapel/transport';
import { bytesBody } from '@lapel/transport';
import {
  bootsOf,
  given,
  liveUntilQuiet,
  newImage,
  offers,
  pieces,
  refuses,
  seenIn,
  stepNames,
  withServer,
} from './life.ts';
import { bootedSlot, flashOf, make, recordOf } from './world.ts';

const imagePages = 16;

test('S1-18: over links that lose every fourth message an update ends confirmed, unattended', async () => {
  const made = await make({ imagePages });
  await withServer(made, async ({ handler, publish }) => {
    await publish(await made.release(newImage, 2), newImage);
    for (let seed = 1; seed <= 10; seed++) {
      const flash = flashOf(made);
      const link = lossy(handler, seededRandom(seed), { request: 0.25, response: 0.25, chunk: 0.1 });
      const { decisions } = await liveUntilQuiet(made, { flash, handler: link, seed });
      assert.equal(bootsOf({ decisions }), '0 1t', `seed ${seed}`);
      const { slots, floor } = seenIn(made, flash);
      assert.equal(floor, 2, `seed ${seed}`);
      assert.deepEqual(
        slots.map(({ state }) => state),
        ['confirmed', 'confirmed'],
        `seed ${seed}`,
      );
      assert.equal(bootedSlot(made, flash), '1');
    }
  });
});

test('§16: after a power cut at any page the download goes on at its last mark', async () => {
  const made = await make({ imagePages });
  await withServer(made, async ({ handler, publish }) => {
    await publish(await made.release(newImage, 2), newImage);
    const counting = counter(handler);
    const whole = flashOf(made);
    await liveUntilQuiet(made, { flash: whole, handler: counting.handler });
    assert.equal(counting.payloadBytes(), newImage.length);
    for (let operation = 0; operation < whole.operations; operation += 2) {
      const { layout } = made.profile;
      const cut = { operation, torn: seededRandom(operation) };
      const flash = norFlash({ geometry: layout.geometry, content: made.factory, cut });
      const before = await liveUntilQuiet(made, { flash, handler });
      assert.equal((before.end as Error).name, 'PowerCut');
      const marked = recordOf(made, flashOf(made, flash.dump())).slots[1];
      const offset =
        marked.state === 'receiving' ? marked.offset : marked.state === 'empty' ? 0 : newImage.length;
      counting.reset();
      const again = flashOf(made, flash.dump());
      await liveUntilQuiet(made, { flash: again, handler: counting.handler });
      assert.equal(counting.payloadBytes(), newImage.length - offset, `operation ${operation}`);
      assert.equal(seenIn(made, again).floor, 2, `operation ${operation}`);
    }
  });
});

/** Counts what of payloads is handed out. */
function counter(upstream: Handler) {
  let bytes = 0;
  const handler: Handler = async (asked) => {
    const response = await upstream(asked);
    return asked.path.startsWith('/payloads/') ? { ...response, body: counted(response) } : response;
  };
  async function* counted({ body }: Response) {
    for await (const chunk of body) {
      bytes += chunk.length;
      yield chunk;
    }
  }
  return { handler, payloadBytes: () => bytes, reset: () => void (bytes = 0) };
}

test('X-40, S4-40: an older valid envelope is refused, after a restart too; nothing is written', async () => {
  const made = await make({ imagePages });
  await withServer(made, async ({ handler, publish }) => {
    await publish(await made.release(newImage, 5), newImage);
    const flash = flashOf(made);
    await liveUntilQuiet(made, { flash, handler });
    assert.equal(seenIn(made, flash).floor, 5);
    // The first start behind a change says that it has read it.
    boot(flash, made.profile);
    const { operations } = flash;
    const other = await made.release(newImage.subarray(7), 5);
    const old = [made.envelope, await made.release(newImage, 2), await made.release(newImage, 4), other];
    for (const envelope of [...old, ...old]) {
      const { steps, decisions } = await liveUntilQuiet(made, {
        flash,
        handler,
        connect: () => offers(() => given(envelope)),
      });
      assert.equal(bootsOf({ decisions }), '1');
      assert.equal(steps.length, 1);
      assert.match(
        steps[0]?.[1] ?? '',
        /^expected (a sequence number above 5|sequence number 5 or higher), found/,
      );
    }
    assert.equal(flash.operations, operations);
  });
});

test('S4-42: a payload that is wrong, too long, too short or missing is not booted', async () => {
  const made = await make({ imagePages });
  await withServer(made, async ({ handler, publish }) => {
    await publish(await made.release(newImage, 2), newImage);
    const told = `expected 29003 bytes at "../payloads/`;
    const lies: Readonly<Record<string, (asked: Request) => Promise<Response>>> = {
      wrong: (asked) => part(asked, seededRandom(9).bytes(newImage.length)),
      'wrong at its end': (asked) =>
        part(
          asked,
          Uint8Array.from(newImage, (b, at) => (at === 29_000 ? ~b : b)),
        ),
      longer: (asked) => part(asked, new Uint8Array([...newImage, 0])),
      shorter: (asked) => part(asked, newImage.subarray(0, 20_000)),
      missing: async () => ({ status: 'not-found', body: bytesBody(new Uint8Array()) }),
    };
    for (const [name, lie] of Object.entries(lies)) {
      const flash = flashOf(made);
      let lying = 12;
      const cache: Handler = (asked) =>
        asked.path.startsWith('/payloads/') && lying-- > 0 ? lie(asked) : handler(asked);
      const { decisions, steps } = await liveUntilQuiet(made, { flash, handler: cache });
      assert.equal(bootsOf({ decisions }), '0 1t', name);
      assert.ok(
        steps.some(([step]) => step === 'failed'),
        name,
      );
      const why = steps.find(([step]) => step === 'failed')?.[1] ?? '';
      assert.equal(why.startsWith(told), name === 'longer', `${name}: ${why}`);
      assert.equal(seenIn(made, flash).floor, 2, name);
      assert.equal(recordOf(made, flash).reverted, undefined, `${name}: a lying cache blames no release`);
    }
  });
});

/** Serves bytes as RFC 9110 §14 has it. */
async function part({ range }: Request, bytes: Uint8Array): Promise<Response> {
  if (range === undefined) return { status: 'ok', body: bytesBody(bytes) };
  const { start } = range;
  const place = { start, total: bytes.length };
  if (start >= bytes.length) {
    return { status: 'range-not-satisfiable', range: place, body: bytesBody(new Uint8Array()) };
  }
  return { status: 'partial', range: place, body: bytesBody(bytes.subarray(start)) };
}

test('RFC 9110 §14.2: the whole in place of the part that was asked for is understood', async () => {
  const made = await make({ imagePages });
  await withServer(made, async ({ handler, publish }) => {
    await publish(await made.release(newImage, 2), newImage);
    const flash = flashOf(made);
    const simple: Handler = async (asked) => {
      if (!asked.path.startsWith('/payloads/')) return handler(asked);
      const { body } = await handler({ ...asked, range: undefined });
      return { status: 'ok', body };
    };
    const link = lossy(pieces(simple), seededRandom(5), { request: 0, response: 0, chunk: 0.1 });
    const { decisions } = await liveUntilQuiet(made, { flash, handler: link });
    assert.equal(bootsOf({ decisions }), '0 1t');
  });
});

test('S4-48: image or envelope larger than its place: refused before anything is written', async () => {
  const made = await make({ imagePages: 2 });
  const { profile } = made;
  const large = await made.release(seededRandom(3).bytes(4097), 2);
  const fits = readEnvelope(await made.release(newImage.subarray(0, 4096), 2), profile.limits);
  const bloated = writeEnvelope({ ...fits, payloads: new Map([['#more', new Uint8Array(4096)]]) });
  const roomy = { ...made, profile: { ...profile, limits: linux } };
  for (const [envelope, found] of [
    [large, 'expected an image of at most 4096 bytes, found 4097'],
    [bloated, `expected an envelope of at most 4096 bytes, found ${bloated.length}`],
  ] as const) {
    const flash = flashOf(made);
    const source = offers(() => ({ ...given(envelope), binding: { nonce: new Uint8Array(16) } }));
    const { steps } = await liveUntilQuiet(roomy, { flash, handler: refuses, connect: () => source });
    assert.deepEqual(steps.at(-1), ['failed', found]);
    assert.equal(source.reports.length, 1);
    assert.equal(flash.operations, 0);
  }
});

test('§16: what has rotted since it was downloaded is not built upon', async () => {
  const made = await make({ imagePages });
  await withServer(made, async ({ handler, publish }) => {
    await publish(await made.release(newImage, 2), newImage);
    const { layout } = made.profile;
    const cut = { operation: 22, torn: false } as const;
    const flash = norFlash({ geometry: layout.geometry, content: made.factory, cut });
    await liveUntilQuiet(made, { flash, handler });
    const content = flash.dump();
    const slot = recordOf(made, flashOf(made, content)).slots[1];
    assert.ok(slot.state === 'receiving' && slot.offset > 0);
    const at = layout.slots[1].image.address + 100;
    content[at] = (content[at] ?? 0) ^ 1;
    const again = flashOf(made, content);
    const counting = counter(handler);
    const life = await liveUntilQuiet(made, { flash: again, handler: counting.handler });
    assert.equal(bootsOf(life), '0 1t');
    assert.ok(!stepNames(life).includes('failed'));
    assert.equal(counting.payloadBytes(), newImage.length);
  });
});
