/** Messages over a link that loses them: sent again, acted upon once, given up in the end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Content, EndpointOptions, Message } from '@lapel/transport/coap';
import {
  createEndpoint,
  decodeMessage,
  encodeMessage,
  exchangeLifetimeMs,
  maxTransmitSpanMs,
  messageNumbers,
  messageTypes,
  methodCodes,
  responseCodes,
  transmissionDefaults,
} from '@lapel/transport/coap';
import { noBug, utf8 } from '../bodies.ts';
import type { LossyLink } from './lossy-link.ts';
import { lossyLink, underSeeds } from './lossy-link.ts';

const post: Content = { code: methodCodes.POST, options: [], payload: utf8('x') };
const changed: Content = { code: responseCodes.changed, options: [], payload: utf8('done') };
const never = new AbortController().signal;

const endpointOn = (link: LossyLink, address: string, given: Partial<EndpointOptions> = {}) =>
  createEndpoint({
    datagrams: link.open(address),
    clock: link.clock,
    random: link.random,
    onBug: noBug,
    ...given,
  });

/** What one endpoint has sent. */
const sentBy = (link: LossyLink, address: string): (Message & { readonly atMs: number })[] =>
  link.sent
    .filter(({ from }) => from === address)
    .map(({ atMs, bytes }) => ({ ...decodeMessage(bytes), atMs }));

test('RFC 7252 §4.8.2: the times that follow from the defaults are those of the table', () => {
  assert.equal(maxTransmitSpanMs(transmissionDefaults), 45_000);
  assert.equal(exchangeLifetimeMs(transmissionDefaults), 247_000);
});

test('RFC 7252 §4.2: a message is sent five times, each time after twice as long, and then given up', () =>
  underSeeds(5, async (seed) => {
    const link = lossyLink(seed);
    const client = endpointOn(link, 'client');
    await assert.rejects(client.ask('nobody')(post, never), { name: 'TransportError', kind: 'no-answer' });
    const sent = sentBy(link, 'client');
    assert.equal(sent.length, 5);
    assert.equal(new Set(sent.map(({ id }) => id)).size, 1);
    const gaps = sent.slice(1).map(({ atMs }, index) => atMs - (sent[index]?.atMs ?? 0));
    const [first = 0] = gaps;
    assert.ok(first >= 2_000 && first <= 3_100, `first timeout ${first}`);
    // An alarm is late by a tick at most.
    gaps.forEach((gap, index) => assert.ok(Math.abs(gap - first * 2 ** index) <= 100 * 2 ** index + 100));
    assert.ok((sent[4]?.atMs ?? 0) <= maxTransmitSpanMs(transmissionDefaults) + 500);
  }));

test('RFC 7252 §4.5: of copies of a request one is served; each gets the same answer', async () => {
  const link = lossyLink(1);
  let served = 0;
  endpointOn(link, 'server', {
    respond: async () => {
      served += 1;
      return changed;
    },
  });
  const raw = link.open('client');
  const answers: string[] = [];
  raw.listen(
    (bytes) => answers.push(Buffer.from(bytes).toString('hex')),
    () => undefined,
  );
  const request = encodeMessage({ ...post, type: messageTypes.confirmable, id: 7, token: utf8('t') });
  for (let copy = 0; copy < 3; copy++) {
    raw.send(request, 'server');
    await link.clock.sleep(20_000);
  }
  assert.equal(served, 1);
  assert.equal(answers.length, 3);
  assert.equal(new Set(answers).size, 1);
  // Behind EXCHANGE_LIFETIME the same number is another message.
  await link.clock.sleep(247_000);
  raw.send(request, 'server');
  await link.clock.sleep(100);
  assert.equal(served, 2);
});

test('RFC 7252 §4.7: with one server one interaction is outstanding at a time; the next waits', async () => {
  const link = lossyLink(1);
  let [at, most] = [0, 0];
  endpointOn(link, 'server', {
    respond: async () => {
      most = Math.max(most, ++at);
      await link.clock.sleep(100);
      at -= 1;
      return changed;
    },
  });
  const client = endpointOn(link, 'client');
  await Promise.all(Array.from({ length: 5 }, () => client.ask('server')(post, never)));
  assert.equal(most, 1);
});

test('RFC 7252 §5.2.2: what takes long is acknowledged first and answered later, confirmably', async () => {
  const link = lossyLink(1);
  endpointOn(link, 'server', {
    respond: async () => {
      await link.clock.sleep(60_000);
      return changed;
    },
  });
  const client = endpointOn(link, 'client');
  const answer = await client.ask('server')(post, never);
  assert.equal(answer.code, responseCodes.changed);
  await link.clock.sleep(10_000);
  const [empty, separate, ...rest] = sentBy(link, 'server');
  assert.deepEqual([empty?.type, empty?.code], [messageTypes.acknowledgement, 0]);
  assert.deepEqual([separate?.type, separate?.code], [messageTypes.confirmable, responseCodes.changed]);
  assert.equal(rest.length, 0);
  assert.equal(sentBy(link, 'client').length, 2);
});

test('RFC 7252 §4.2: a request that is acknowledged and never answered is given up', async () => {
  const link = lossyLink(1);
  endpointOn(link, 'server', { respond: () => new Promise(() => undefined) });
  const client = endpointOn(link, 'client');
  await assert.rejects(client.ask('server')(post, never), /expected an answer within 120000 ms/);
});

test('RFC 7252 §4.2, §4.3: what is not understood is reset if confirmable, else ignored', async () => {
  const link = lossyLink(1);
  endpointOn(link, 'server', { respond: async () => changed });
  const raw = link.open('stranger');
  const answers: Message[] = [];
  raw.listen(
    (bytes) => answers.push(decodeMessage(bytes)),
    () => undefined,
  );
  const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
  // A ping; a message format error; a reserved class; a response that nobody waits for.
  for (const hex of ['40000001', '40010002ff', '40e10003', '40450004']) raw.send(bytes(hex), 'server');
  await link.clock.sleep(1_000);
  assert.deepEqual(
    answers.map(({ type, id, code }) => [type, id, code]),
    [1, 2, 3, 4].map((id) => [messageTypes.reset, id, 0]),
  );
  // Not confirmable, an acknowledgement, a reset, another version: no word.
  for (const hex of ['50010005ff', '60000006', '60010007', '70000008', '80010009'])
    raw.send(bytes(hex), 'server');
  await link.clock.sleep(1_000);
  assert.equal(answers.length, 4);
});

test('RFC 7252 §5.3.2: a response of another sender or under another token is none', async () => {
  const link = lossyLink(1);
  const client = endpointOn(link, 'client');
  const forger = link.open('forger');
  const server = link.open('server');
  forger.listen(
    () => undefined,
    () => undefined,
  );
  server.listen(
    (bytes) => {
      const request = decodeMessage(bytes);
      const forged = {
        ...changed,
        type: messageTypes.acknowledgement,
        id: request.id,
        payload: utf8('forged'),
      };
      forger.send(encodeMessage({ ...forged, token: request.token }), 'client');
      server.send(encodeMessage({ ...forged, token: utf8('no') }), 'client');
      const right = { ...forged, token: request.token, payload: utf8('right') };
      void link.clock.sleep(10).then(() => server.send(encodeMessage(right), 'client'));
    },
    () => undefined,
  );
  assert.deepEqual((await client.ask('server')(post, never)).payload, utf8('right'));
});

test('RFC 7252 §4.4: 65,536 numbers go out at any pace, and none again within EXCHANGE_LIFETIME', () =>
  underSeeds(5, async (seed) => {
    const { clock, random } = lossyLink(seed);
    const lifetimeMs = exchangeLifetimeMs(transmissionDefaults);
    const numbers = messageNumbers(clock, random, lifetimeMs);
    const usedMs = new Map<number, number>();
    for (let count = 0; count < 150_000; count++) {
      const waitMs = numbers.waitMs('peer');
      assert.ok(waitMs === 0 || count >= 2 ** 16);
      if (waitMs > 0 || random.fraction() < 0.001)
        await clock.sleep(Math.max(waitMs, 2_000 * random.fraction()));
      const id = numbers.next('peer');
      const ageMs = clock.monotonicMs() - (usedMs.get(id) ?? -Infinity);
      assert.ok(ageMs >= lifetimeMs, `number ${id} again after ${ageMs} ms`);
      usedMs.set(id, clock.monotonicMs());
    }
    assert.equal(usedMs.size, 2 ** 16);
  }));

test('S0-03: on a link that loses, doubles and swaps, each request is acted upon once and answered', () =>
  underSeeds(20, async (seed) => {
    // So rarely that all are lost which one message may take: once in thousands of runs.
    const link = lossyLink(seed, { loss: 0.1, copies: 0.2, delayMs: [5, 1_500] });
    const seen: number[] = [];
    // §4.8.1: both know how often the other sends again, and so for how long to remember what came.
    const transmission = { maxRetransmit: 8 };
    endpointOn(link, 'server', {
      transmission,
      respond: async ({ payload }) => {
        seen.push(payload[0] ?? -1);
        if (link.random.fraction() < 0.3) await link.clock.sleep(link.random.fraction() * 5_000);
        return { ...changed, payload };
      },
    });
    const client = endpointOn(link, 'client', { transmission });
    for (let number = 0; number < 25; number++) {
      const payload = Uint8Array.of(number);
      assert.deepEqual((await client.ask('server')({ ...post, payload }, never)).payload, payload);
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 25 }, (_, number) => number),
    );
  }));
