/** Whoever offers updates, serves them or takes reports may be away, mistaken, or somebody else. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import type { BootDecision } from '@lapel/device';
import type { Handler } from '@lapel/transport';
import { TransportError, bytesBody } from '@lapel/transport';
import type { Life } from './life.ts';
import {
  asksServer,
  bootsOf,
  given,
  liveUntilQuiet,
  newImage,
  offers,
  origin,
  pieces,
  refuses,
  seenIn,
  stepNames,
  withServer,
} from './life.ts';
import { flashOf, make, recordOf } from './world.ts';

const imagePages = 16;

test('RFC 9019 §9: an offer of what runs is answered with its success, and writes nothing', async () => {
  const made = await make({ imagePages });
  const flash = flashOf(made);
  const source = offers(() => given(made.envelope));
  const { steps } = await liveUntilQuiet(made, { flash, handler: refuses, connect: () => source });
  assert.deepEqual(
    steps.map(([step]) => step),
    ['manifest-validated'],
  );
  assert.equal(source.reports.length, 1);
  assert.equal(flash.operations, 0);
});

test('§8: a payload that cannot be reached keeps no newer update away', async () => {
  const made = await make({ imagePages });
  await withServer(made, async ({ handler, publish }) => {
    await publish(await made.release(newImage, 2), newImage);
    const flash = flashOf(made);
    const gone = `/payloads/${hex(digest('sha-256', newImage))}`;
    let fetches = 0;
    const broken: Handler = async (asked) => {
      if (asked.path !== gone) return handler(asked);
      if (++fetches === 20) {
        await publish(await made.release(newImage.subarray(3), 3), newImage.subarray(3));
      }
      throw new TransportError('unreachable', 'nothing listens there');
    };
    const { decisions } = await liveUntilQuiet(made, { flash, handler: broken });
    assert.equal(bootsOf({ decisions }), '0 1t');
    assert.equal(seenIn(made, flash).floor, 3);
  });
});

test('§8: a report that is refused stays due, and keeps no update away', async () => {
  const made = await make({ imagePages });
  await withServer(made, async ({ handler, publish }) => {
    await publish(await made.release(newImage, 2), newImage);
    const flash = flashOf(made);
    const binding = { nonce: new Uint8Array(16).fill(1), generation: 1 };
    let refusing = true;
    const life: Life = {
      flash,
      handler,
      connect(trust, running) {
        const source = asksServer(made, handler, trust, running);
        return {
          ...source,
          async next(signal) {
            const found = await source.next(signal);
            return found && { ...found, binding };
          },
          async report() {
            if (refusing)
              throw new TransportError('refused', 'expected the nonce of an offer, found another');
          },
        };
      },
    };
    const refused = await liveUntilQuiet(made, life);
    assert.equal(bootsOf(refused), '0 1t');
    assert.ok(!stepNames(refused).includes('reported'));
    refusing = false;
    assert.ok(stepNames(await liveUntilQuiet(made, life)).includes('reported'));
    assert.ok(!stepNames(await liveUntilQuiet(made, life)).includes('reported'), 'once is enough');
  });
});

test('§16: an update that is offered anew is reported to the newest offer', async () => {
  const made = await make({ imagePages });
  await withServer(made, async ({ handler, publish }) => {
    const envelope = await made.release(newImage, 2);
    await publish(envelope, newImage);
    const flash = flashOf(made);
    const offer = (nonce: number) => ({
      ...given(envelope),
      binding: { nonce: new Uint8Array(16).fill(nonce), generation: nonce },
    });
    const dying: Handler = async (asked) => {
      const response = await pieces(handler)(asked);
      if (!asked.path.startsWith('/payloads/')) return response;
      async function* body() {
        let left = 10;
        for await (const chunk of response.body) {
          if (left-- === 0) throw new Error('the power goes');
          yield chunk;
        }
      }
      return { ...response, body: body() };
    };
    const first = await liveUntilQuiet(made, {
      flash,
      handler: dying,
      connect: () => offers(() => offer(1)),
    });
    assert.equal((first.end as Error).message, 'the power goes');
    const begun = recordOf(made, flash).slots[1];
    assert.ok(begun.state === 'receiving' && begun.offset > 0 && begun.binding.generation === 1);
    await liveUntilQuiet(made, { flash, handler, connect: () => offers(() => offer(2)) });
    const slot = recordOf(made, flash).slots[1];
    assert.ok(slot.state === 'confirmed');
    assert.equal(slot.binding.generation, 2);
  });
});

test('§8: no offer, however it reads, ends the agent', async () => {
  const made = await make({ imagePages });
  const uris = [
    'http://[',
    'http://elsewhere.example/x',
    `${origin}/%zz`,
    'mailto:x',
    '',
    `${origin}/${'x'.repeat(3000)}`,
  ];
  for (const uri of uris) {
    const flash = flashOf(made);
    const source = offers(() => ({
      uri,
      digest: new Uint8Array(32),
      binding: { nonce: new Uint8Array(16) },
    }));
    const gone: Handler = async () => ({ status: 'not-found', body: bytesBody(new Uint8Array()) });
    let postponed = 0;
    const { decisions, end } = await liveUntilQuiet(made, {
      flash,
      handler: gone,
      connect: () => ({ ...source, postpone: () => void postponed++ }),
    });
    assert.equal(bootsOf({ decisions }), '0', uri);
    assert.equal((end as Partial<BootDecision>).boot, 'slot', uri);
    assert.ok(source.reports.length > 0 || postponed > 0, uri);
    assert.equal(flash.operations, 0);
  }
});

test('§8: an envelope that never ends is given up, reported and not asked for again', async () => {
  const made = await make({ imagePages });
  async function* endless() {
    for (;;) yield new Uint8Array(1000);
  }
  const source = offers(() => ({
    uri: `${origin}/manifests/x`,
    digest: new Uint8Array(32),
    binding: { nonce: new Uint8Array(16) },
  }));
  const flash = flashOf(made);
  const { steps } = await liveUntilQuiet(made, {
    flash,
    handler: async () => ({ status: 'ok', body: endless() }),
    connect: () => source,
  });
  assert.deepEqual(
    steps.map(([step]) => step),
    ['failed'],
  );
  assert.equal(source.reports.length, 1);
});

test('§16: the manifest that comes must be the one that was offered', async () => {
  const made = await make({ imagePages });
  const envelope = await made.release(newImage, 2);
  const flash = flashOf(made);
  const source = offers(() => ({ ...given(envelope), digest: new Uint8Array(32) }));
  const { steps } = await liveUntilQuiet(made, { flash, handler: refuses, connect: () => source });
  assert.deepEqual(steps, [['failed', 'expected the manifest that was offered, found another']]);
  assert.equal(source.reports.length, 1);
  assert.equal(flash.operations, 0);
});
