/** Whole updates of a device, with a real firmware server behind links of every kind. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BootDecision } from '@lapel/device';
import { hex } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import { lossy, norFlash, readFlash, seededRandom } from '@lapel/simulator';
import { linux, readEnvelope, writeEnvelope } from '@lapel/suit';
import type { Handler, Request, Response } from '@lapel/transport';
import { TransportError, bytesBody } from '@lapel/transport';
import type { Life, Made } from './world.ts';
import {
  asksServer,
  bootedSlot,
  flashOf,
  given,
  liveUntilQuiet,
  make,
  offers,
  origin,
  recordOf,
  refuses,
  stepNames,
  withServer,
} from './world.ts';

const imagePages = 16;
const newImage = seededRandom(2).bytes(29_003);

const booted = (decisions: readonly BootDecision[]) =>
  decisions
    .map((each) => (each.boot === 'nothing' ? '-' : `${each.slot}${each.onTrial ? 't' : ''}`))
    .join(' ');

const seen = (made: Made, flash: { dump(): Uint8Array }) => readFlash(flash.dump(), made.profile.layout);

test('S1-18: over links that lose every fourth message an update ends confirmed, unattended', async () => {
  const made = await make({ imagePages });
  await withServer(made, async ({ handler, publish }) => {
    await publish(await made.release(newImage, 2), newImage);
    for (let seed = 1; seed <= 10; seed++) {
      const flash = flashOf(made);
      const link = lossy(handler, seededRandom(seed), { request: 0.25, response: 0.25, chunk: 0.1 });
      const { decisions } = await liveUntilQuiet(made, { flash, handler: link, seed });
      assert.equal(booted(decisions), '0 1t', `seed ${seed}`);
      const { slots, floor } = seen(made, flash);
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
      assert.equal(seen(made, again).floor, 2, `operation ${operation}`);
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
      assert.equal(booted(decisions), boots);
      assert.equal(recordOf(made, flash).reverted?.because, because);
      assert.equal(seen(made, flash).floor, 1);
      const { operations } = flash;
      for (let start = 0; start < 3; start++) {
        assert.equal(booted((await liveUntilQuiet(made, life)).decisions), '0');
      }
      assert.equal(flash.operations, operations, 'nothing is written for it any more');
      // What is repaired and numbered higher is taken.
      await publish(await made.release(newImage.subarray(1), 3), newImage.subarray(1));
      await liveUntilQuiet(made, { flash, handler });
      assert.equal(seen(made, flash).floor, 3);
    });
  });
}

test('§16: a rotten image may be installed again, an operator’s retry too, but no update more than four times', async () => {
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
      assert.equal(booted(decisions), round <= 4 ? '0 1t 0' : '0', `round ${round}`);
    }
    assert.equal(recordOf(made, flash).reverted?.times, 4);
  });
});

test('X-40, S4-40: an older valid envelope is refused, before and after a restart; nothing is written', async () => {
  const made = await make({ imagePages });
  await withServer(made, async ({ handler, publish }) => {
    await publish(await made.release(newImage, 5), newImage);
    const flash = flashOf(made);
    await liveUntilQuiet(made, { flash, handler });
    assert.equal(seen(made, flash).floor, 5);
    const { operations } = flash;
    const other = await made.release(newImage.subarray(7), 5);
    const old = [made.envelope, await made.release(newImage, 2), await made.release(newImage, 4), other];
    for (const envelope of [...old, ...old]) {
      const { steps, decisions } = await liveUntilQuiet(made, {
        flash,
        handler,
        connect: () => offers(() => given(envelope)),
      });
      assert.equal(booted(decisions), '1');
      assert.equal(steps.length, 1);
      assert.match(
        steps[0]?.[1] ?? '',
        /^expected (a sequence number above 5|sequence number 5 or higher), found/,
      );
    }
    assert.equal(flash.operations, operations);
  });
});

test('RFC 9019 §9: an offer of what runs already is answered with its success, and writes nothing', async () => {
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

test('S4-42: of a payload that is wrong, longer, shorter or missing nothing is booted, and the next one is taken', async () => {
  const made = await make({ imagePages });
  await withServer(made, async ({ handler, publish }) => {
    await publish(await made.release(newImage, 2), newImage);
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
      assert.equal(booted(decisions), '0 1t', name);
      assert.ok(
        steps.some(([step]) => step === 'failed'),
        name,
      );
      assert.equal(seen(made, flash).floor, 2, name);
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

test('RFC 9110 §14.2: a server that answers with the whole where a part was asked for is understood', async () => {
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
    assert.equal(booted(decisions), '0 1t');
  });
});

/** In pieces of 1000 bytes. */
const pieces =
  (upstream: Handler): Handler =>
  async (asked) => {
    const response = await upstream(asked);
    async function* body() {
      for await (const chunk of response.body) {
        for (let at = 0; at < chunk.length; at += 1000) yield chunk.subarray(at, at + 1000);
      }
    }
    return { ...response, body: body() };
  };

test('S4-48: an image or an envelope larger than its place is refused before anything is written', async () => {
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
    assert.equal(seen(made, flash).floor, 2);
  });
});

test('§16: being unreachable costs no attempt; the deadline ends the trial, and the device goes back', async () => {
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
      assert.equal(booted(decisions), '0 1t 0', kind);
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
    assert.equal(booted((await liveUntilQuiet(made, { flash, handler })).decisions), '0 1t 0');
    assert.equal(seen(made, flash).floor, 1);
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
      assert.equal(booted(decisions), '0 1t 0', what);
    }
  });
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
    assert.equal(booted(decisions), '0 1t');
    assert.equal(seen(made, flash).floor, 3);
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
    assert.equal(booted(refused.decisions), '0 1t');
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
    let served = 0;
    const dying: Handler = async (asked) => {
      if (asked.path.startsWith('/payloads/') && ++served > 1) throw new Error('the power goes');
      return lossy(pieces(handler), seededRandom(2), { request: 0, response: 0, chunk: 0.08 })(asked);
    };
    const first = await liveUntilQuiet(made, {
      flash,
      handler: dying,
      connect: () => offers(() => offer(1)),
    });
    assert.equal((first.end as Error).message, 'the power goes');
    assert.equal(recordOf(made, flash).slots[1].state, 'receiving');
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
    assert.equal(booted(decisions), '0', uri);
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
