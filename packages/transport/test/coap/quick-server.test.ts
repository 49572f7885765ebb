/** A server of blocks in sets (RFC 9177), asked by hand: what it sends, what it misses, what it refuses. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Handler } from '@lapel/transport';
import { bytesBody, collect } from '@lapel/transport';
import type { Message } from '@lapel/transport/coap';
import {
  blockServer,
  createEndpoint,
  decodeMessage,
  encodeMessage,
  messageTypes,
  methodCodes,
  option,
  quickTimes,
  readMissing,
  responseCodes,
  text,
  transmissionDefaults,
  uint,
} from '@lapel/transport/coap';
import { noBug, utf8 } from '../bodies.ts';
import { lossyLink } from './lossy-link.ts';
import { imageOf, resources } from './resources.ts';

function serving(handler: Handler) {
  const link = lossyLink(1);
  const common = { clock: link.clock, random: link.random, onBug: noBug };
  const respond = blockServer(handler, { ...common, quick: quickTimes(transmissionDefaults, link.random) });
  createEndpoint({ ...common, datagrams: link.open('server'), respond });
  return { link };
}

const images = (size: number) => new Map([['image', { bytes: imageOf(size), etag: 'v1' }]]);

test('RFC 9177 §7.2: who asks for a body and falls silent gets four sets, and no more', async () => {
  const { link } = serving(resources(images(500_000)).handler);
  const raw = link.open('silent');
  raw.listen(
    () => undefined,
    () => undefined,
  );
  const options = [text('uriPath', 'ranged'), text('uriPath', 'image'), uint('qBlock2', 0x0e)];
  const asked = { code: methodCodes.GET, token: utf8('t'), options, payload: new Uint8Array(0) };
  raw.send(encodeMessage({ ...asked, type: messageTypes.nonConfirmable, id: 1 }), 'server');
  await link.clock.sleep(600_000);
  const sets = link.sent.filter(({ from }) => from === 'server').map(({ atMs }) => Math.floor(atMs / 1000));
  assert.equal(sets.length, 40);
  // NON_TIMEOUT_RANDOM lies between one set and the next.
  assert.ok((sets.at(-1) ?? 0) >= 6 && (sets.at(-1) ?? 0) <= 9, `the last at ${sets.at(-1)} s`);
});

test('RFC 9177 §4.3, §5: what is missing of an upload is told, what is none is refused', async () => {
  const { handler, uploads } = resources(new Map());
  const { link } = serving(handler);
  const raw = link.open('raw');
  const answers: Message[] = [];
  raw.listen(
    (bytes) => answers.push(decodeMessage(bytes)),
    () => undefined,
  );
  let id = 0;
  const image = imageOf(200);
  const say = async (number: number, given: Partial<Message> = {}): Promise<Message | undefined> => {
    const more = number < 12;
    const payload = image.subarray(number * 16, number * 16 + 16);
    const options = [
      text('uriPath', 'uploads'),
      uint('qBlock1', number * 16 + (more ? 8 : 0)),
      uint('size1', 200),
      option('requestTag', utf8('tag')),
    ];
    const message = {
      type: messageTypes.nonConfirmable,
      code: methodCodes.POST,
      token: utf8('t'),
      options,
      payload,
    };
    id += 1;
    answers.length = 0;
    raw.send(encodeMessage({ ...message, id, ...given }), 'server');
    await link.clock.sleep(100);
    return answers[0];
  };
  assert.equal(await say(0), undefined);
  assert.equal(await say(2), undefined);
  // §7.2: NON_RECEIVE_TIMEOUT behind the last block; then twice that, and so on.
  await link.clock.sleep(4_100);
  assert.deepEqual(readMissing(answers[0]!), [1, 3, 4, 5, 6, 7, 8, 9]);
  for (const number of [9, 8, 7, 6, 5, 4, 3]) assert.equal(await say(number), undefined);
  // A block of the next set tells what is missing of the one before.
  assert.deepEqual(readMissing((await say(10))!), [1]);
  const continued = await say(1);
  assert.equal(continued?.code, responseCodes.continue);
  // A copy is answered as the block was.
  assert.equal((await say(1))?.code, responseCodes.continue);
  assert.equal((await say(11, { payload: imageOf(15) }))?.code, responseCodes.badRequest);
  assert.equal((await say(11, { options: [text('uriPath', 'uploads'), uint('qBlock1', 0xb8)] }))?.code, 128);
  assert.equal(await say(11), undefined);
  assert.equal((await say(12))?.code, responseCodes.changed);
  assert.deepEqual(uploads, [image]);
  // Whoever did not hear the answer hears it again; nothing is done twice.
  assert.equal((await say(12))?.code, responseCodes.changed);
  assert.equal(uploads.length, 1);
});

test('RFC 9177 §7.2: a sender who falls silent is given up, and its Handler told', async () => {
  let told: unknown;
  const { link } = serving(async (given) => {
    await collect(given.body, 1_000_000).catch((error: unknown) => (told = error));
    return { status: 'bad-request', body: bytesBody(new Uint8Array(0)) };
  });
  const options = [
    text('uriPath', 'x'),
    uint('qBlock1', 8),
    uint('size1', 500),
    option('requestTag', utf8('tag')),
  ];
  const block = { code: methodCodes.POST, token: utf8('t'), options, payload: imageOf(16) };
  link.open('raw').send(encodeMessage({ ...block, type: messageTypes.nonConfirmable, id: 1 }), 'server');
  await link.clock.sleep(4_000_000);
  assert.match(String(told), /its sender fell silent before block 1/);
});

test('RFC 9177 §4.1, §4.4: options that contradict each other are refused', async () => {
  const { link } = serving(resources(images(50_000)).handler);
  const raw = link.open('raw');
  const codes: number[] = [];
  raw.listen(
    (bytes) => codes.push(decodeMessage(bytes).code),
    () => undefined,
  );
  const path = [text('uriPath', 'ranged'), text('uriPath', 'image')];
  const given = [
    [uint('block2', 6), uint('qBlock2', 6)],
    [uint('qBlock2', 0x26), uint('qBlock2', 0x16)],
    [uint('qBlock2', 7)],
    [uint('qBlock2', 0x10)],
  ];
  for (const [id, wrong] of given.entries()) {
    const asked = { code: methodCodes.GET, token: utf8('t'), options: [...path, ...wrong] };
    raw.send(encodeMessage({ ...asked, payload: new Uint8Array(0), type: 0, id }), 'server');
    await link.clock.sleep(50);
  }
  const { badOption, badRequest, content } = responseCodes;
  assert.deepEqual(codes, [badOption, badRequest, badRequest, content]);
});
