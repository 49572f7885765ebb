/** Datagrams from anybody: whatever they hold, the server goes on, and answers those who speak properly. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collect, request } from '@lapel/transport';
import type { Message } from '@lapel/transport/coap';
import {
  blockClient,
  blockServer,
  contextName,
  createEndpoint,
  decodeMessage,
  echoing,
  encodeMessage,
  methodCodes,
  option,
  oscoreContext,
  oscoreServer,
  provingAddress,
  quickTimes,
  text as textOption,
  transmissionDefaults,
  uint,
} from '@lapel/transport/coap';
import { noBug, utf8 } from '../bodies.ts';
import { diskOf, lossyLink, underSeeds } from './lossy-link.ts';
import type { LossyLink } from './lossy-link.ts';
import { imageOf, resources } from './resources.ts';

const secret = { masterSecret: utf8('sixteen bytes ok'), senderId: utf8('h'), recipientId: utf8('lamp') };

/** A server with every layer; what it lets escape fails the test. */
function serving(link: LossyLink) {
  const { handler, uploads } = resources(new Map([['image', { bytes: imageOf(3_000), etag: 'v1' }]]));
  const common = { clock: link.clock, random: link.random, onBug: noBug };
  const blocks = blockServer(handler, {
    ...common,
    limits: { heldBytesMax: 100_000, uploadsMax: 20 },
    quick: quickTimes(transmissionDefaults, link.random),
  });
  const context = oscoreContext({ ...secret, store: diskOf() });
  const respond = oscoreServer({
    find: (name) => (name === contextName(secret.recipientId, undefined) ? context : undefined),
    random: link.random,
    secured: blocks,
    plain: provingAddress(blocks, common),
  });
  const limits = { recentBytesMax: 100_000 };
  createEndpoint({ ...common, datagrams: link.open('server'), respond, limits });
  const endpoint = createEndpoint({ ...common, datagrams: link.open('client') });
  const carrier = { ask: endpoint.ask('server'), watch: endpoint.watch('server') };
  return { client: blockClient(echoing(carrier).ask, common), uploads };
}

const seeds: readonly Message[] = [
  { options: [textOption('uriPath', 'ranged'), textOption('uriPath', 'image')] },
  { options: [textOption('uriPath', 'ranged'), textOption('uriPath', 'image'), uint('block2', 0x25)] },
  { options: [uint('observe', 0), textOption('uriPath', 'whole'), textOption('uriPath', 'image')] },
  { code: methodCodes.POST, options: [textOption('uriPath', 'uploads'), uint('block1', 8)] },
  { code: methodCodes.POST, options: [textOption('uriPath', 'uploads'), uint('block1', 0x18)] },
  { options: [textOption('uriPath', 'ranged'), textOption('uriPath', 'image'), uint('qBlock2', 0x0e)] },
  { options: [textOption('uriPath', 'ranged'), textOption('uriPath', 'image'), uint('qBlock2', 0x16)] },
  ...[0x00, 0x18, 0x20].map((bits) => ({
    code: methodCodes.POST,
    options: [
      textOption('uriPath', 'uploads'),
      uint('qBlock1', bits + 8),
      uint('size1', 60),
      option('requestTag', utf8('tag')),
    ],
  })),
  { options: [uint('hopLimit', 3), textOption('proxyUri', 'coap://elsewhere/x')] },
  { code: methodCodes.POST, options: [{ number: 9, value: Uint8Array.of(9, 1, 0x6c, 0x61, 0x6d, 0x70) }] },
].map((given, id) => ({
  type: 0,
  id,
  code: methodCodes.GET,
  token: utf8('tokn'),
  payload: imageOf(16),
  ...given,
}));

test('S0-03, S1-11: random datagrams, and requests with wrong bits, stop nobody else', () =>
  underSeeds(2, async (seed) => {
    const link = lossyLink(seed);
    const { client } = serving(link);
    const { fraction, bytes } = link.random;
    const below = (limit: number) => Math.floor(fraction() * limit);
    for (let sender = 0; sender < 20; sender++) {
      const raw = link.open(`stranger ${sender}`);
      raw.listen(
        (answer) => void decodeMessage(answer),
        () => undefined,
      );
      for (let count = 0; count < 30; count++) {
        if (fraction() < 0.3) raw.send(bytes(below(60)), 'server');
        const message = seeds[below(seeds.length)];
        const datagram = encodeMessage({ ...message!, id: below(2 ** 16) });
        for (let flips = below(4); flips > 0; flips--) datagram[below(datagram.length)]! ^= 1 << below(8);
        raw.send(datagram.subarray(0, fraction() < 0.1 ? below(datagram.length) : datagram.length), 'server');
      }
      await link.clock.sleep(50);
    }
    const { body } = await client(request('GET', '/ranged/image'));
    assert.deepEqual(await collect(body, 10_000), imageOf(3_000));
  }));

test('S1-11: of a flood of senders and tokens the oldest are forgotten, and the next is served', async () => {
  const link = lossyLink(1, { delayMs: [0, 0] });
  const { client } = serving(link);
  const path = [textOption('uriPath', 'uploads')];
  for (let sender = 0; sender < 1_000; sender++) {
    const message = { type: 0, code: methodCodes.POST, options: path, payload: imageOf(100) };
    const token = link.random.bytes(8);
    link.open(`flood ${sender}`).send(encodeMessage({ ...message, id: sender, token }), 'server');
  }
  await link.clock.sleep(1_000);
  assert.equal((await client(request('GET', '/ranged/image'))).status, 'ok');
});
