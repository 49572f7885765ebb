/** What strangers, and too many at once, can make a server send, keep or do: no more than is written down. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { Handler, Response } from '@lapel/transport';
import { bytesBody, collect, receive, request } from '@lapel/transport';
import type { EndpointOptions, Message, Respond } from '@lapel/transport/coap';
import {
  blockClient,
  blockServer,
  createEndpoint,
  decodeMessage,
  encodeMessage,
  messageTypes,
  methodCodes,
  option,
  optionValue,
  provingAddress,
  quickTimes,
  responseCodes,
  text as textOption,
  transmissionDefaults,
  uint,
  uintOption,
} from '@lapel/transport/coap';
import type { Option } from '@lapel/transport/coap';
import { noBug, utf8 } from '../bodies.ts';
import type { LossyLink } from './lossy-link.ts';
import { lossyLink, underSeeds, waitingClock } from './lossy-link.ts';
import { imageOf, resources } from './resources.ts';

const nothing = new Uint8Array(0);
const never = new AbortController().signal;

const message = (id: number, given: Partial<Message>): Uint8Array =>
  encodeMessage({
    type: messageTypes.nonConfirmable,
    code: methodCodes.GET,
    id,
    token: utf8('tokn'),
    options: [],
    payload: nothing,
    ...given,
  });

const serverOn = (link: LossyLink, respond: Respond, given: Partial<EndpointOptions> = {}) =>
  createEndpoint({
    datagrams: link.open('server'),
    clock: link.clock,
    random: link.random,
    onBug: noBug,
    respond,
    ...given,
  });

test('S1-11, RFC 9175 §2.4: to an address that is not proven goes three times what came, at most', () =>
  underSeeds(2, async (seed) => {
    const link = lossyLink(seed, { loss: 0.1 });
    const { fraction, bytes } = link.random;
    const below = (limit: number) => Math.floor(fraction() * limit);
    const { handler } = resources(new Map([['image', { bytes: imageOf(100_000), etag: 'v1' }]]));
    const slowly: Handler = async (given) => {
      if (fraction() < 0.3) await link.clock.sleep(below(5_000));
      return handler(given);
    };
    const common = { clock: link.clock, random: link.random, onBug: noBug };
    const quick = quickTimes(transmissionDefaults, link.random);
    serverOn(link, provingAddress(blockServer(slowly, { ...common, quick }), common));
    const path = [textOption('uriPath', 'ranged'), textOption('uriPath', 'image')];
    const upload = [textOption('uriPath', 'mirror')];
    const body = [uint('size1', 3_000), option('requestTag', utf8('t'))];
    const kinds: readonly (readonly [number, readonly Option[], Uint8Array])[] = [
      [1, path, nothing],
      [1, [...path, uint('block2', 0x106)], nothing],
      [1, [...path, uint('qBlock2', 0x0e)], nothing],
      [1, [textOption('uriPath', 'none')], nothing],
      [2, upload, bytes(200)],
      [2, [...upload, uint('block1', 0x0e)], bytes(1024)],
      [2, [...upload, uint('qBlock1', 0x0e), ...body], bytes(1024)],
    ];
    for (let sender = 0; sender < 30; sender++) {
      const raw = link.open(`stranger ${sender}`);
      raw.listen(
        () => undefined,
        () => undefined,
      );
      for (let id = 0; id < 10; id++) {
        const [code, options, payload] = kinds[below(kinds.length)] ?? [1, path, nothing];
        raw.send(message(id, { type: below(2), code, options, payload }), 'server');
        await link.clock.sleep(below(3_000));
      }
    }
    await link.clock.sleep(400_000);
    const weight = (found: LossyLink['sent']) => found.reduce((sum, one) => sum + one.bytes.length, 0);
    const fromServer = link.sent.filter(({ from }) => from === 'server');
    const toServer = link.sent.filter(({ from }) => from !== 'server');
    assert.ok(weight(fromServer) > 1_000);
    for (let sender = 0; sender < 30; sender++) {
      const name = `stranger ${sender}`;
      const [got, gave] = [
        weight(fromServer.filter(({ to }) => to === name)),
        weight(toServer.filter(({ from }) => from === name)),
      ];
      assert.ok(got <= 3 * gave, `${name} sent ${gave} bytes and was sent ${got}`);
    }
  }));

test('S1-11: a flood of tokens, of one sender and of many, leaves memory as it was', async () => {
  const count = process.env['LAPEL_ALL_CASES'] === '1' ? 1_000_000 : 50_000;
  const flood = join(import.meta.dirname, 'token-flood.ts');
  const run = promisify(execFile)(process.execPath, ['--expose-gc', flood, String(count)]);
  const found = JSON.parse((await run).stdout) as { moreBytes: number; answers: number };
  // A token that was kept would cost a hundred bytes at least.
  assert.ok(found.moreBytes < 1_500_000, `${found.moreBytes} bytes more`);
  assert.ok(found.answers > count / 2, `${found.answers} answers`);
});

test('RFC 7641 §4: observers are counted; who is one too many gets an answer', async () => {
  const link = lossyLink(1);
  let isOver = false;
  async function* states(): AsyncIterable<Response> {
    try {
      for (;;) {
        yield { status: 'ok', body: bytesBody(utf8('state')) };
        await link.clock.sleep(1_000_000);
      }
    } finally {
      isOver = true;
    }
  }
  const common = { clock: link.clock, random: link.random, onBug: noBug };
  const handler: Handler = async () => assert.fail('expected to be observed');
  const respond = blockServer(handler, { ...common, subscribe: states });
  serverOn(link, respond, { limits: { observersMax: 5, observersPerPeerMax: 3 } });
  const observing = async (from: string, token: string, id = Number(token)): Promise<boolean> => {
    const raw = link.open(from);
    const answers: Message[] = [];
    raw.listen(
      (bytes) => answers.push(decodeMessage(bytes)),
      () => undefined,
    );
    const options = [uint('observe', 0), textOption('uriPath', 'x')];
    raw.send(message(id, { token: utf8(token), options }), 'server');
    await link.clock.sleep(100);
    assert.equal(answers[0]?.code, responseCodes.content);
    return optionValue(answers[0].options, 'observe') !== undefined;
  };
  const found: boolean[] = [];
  for (const [from, token] of [...'1234']
    .map((one) => ['a', one])
    .concat([...'567'].map((one) => ['b', one])))
    found.push(await observing(from ?? '', token ?? ''));
  assert.deepEqual(found, [true, true, true, false, true, true, false]);
  assert.ok(isOver, 'the source of one that is too many is let go');
  // Who observes already may ask anew.
  assert.equal(await observing('a', '2', 99), true);
});

test('RFC 7641 §4.5: an observer whose address nothing proves gets one notification', async () => {
  const link = lossyLink(1);
  async function* states(): AsyncIterable<Response> {
    for (;;) {
      yield { status: 'ok', body: bytesBody(utf8('state')) };
      await link.clock.sleep(1_000);
    }
  }
  const common = { clock: link.clock, random: link.random, onBug: noBug };
  const respond = blockServer(async () => assert.fail(), { ...common, subscribe: states });
  serverOn(link, provingAddress(respond, common));
  const victim = link.open('victim');
  victim.listen(
    () => undefined,
    () => undefined,
  );
  const options = [uint('observe', 0), textOption('uriPath', 'a resource of some length')];
  victim.send(message(1, { options }), 'server');
  await link.clock.sleep(1_000_000);
  assert.equal(link.sent.filter(({ from }) => from === 'server').length, 2);
});

test('S1-11: a path that a file system could read differently is refused', async () => {
  const handler: Handler = async () => assert.fail('no Handler may see this path');
  const respond = blockServer(handler, { clock: waitingClock(), onBug: noBug });
  const raw = (bytes: number[]): Option => option('uriPath', Uint8Array.from(bytes));
  for (const path of [
    [textOption('uriPath', '..'), textOption('uriPath', 'etc')],
    [textOption('uriPath', 'a'), textOption('uriPath', '.'), textOption('uriPath', 'b')],
    [textOption('uriPath', '../etc/passwd')],
    [textOption('uriPath', '..\\etc')],
    [textOption('uriPath', 'a\0b')],
    [textOption('uriPath', 'a'), textOption('uriPath', ''), textOption('uriPath', 'b')],
    [raw([0xc0, 0xae, 0xc0, 0xae])],
    [raw([0xff])],
  ]) {
    const answer = await respond({ code: 1, options: path, payload: nothing }, { key: 'x', signal: never });
    assert.equal(answer.code, responseCodes.badRequest);
  }
});

test('RFC 7959 §2.2: a block far behind the end costs one look, up and down', async () => {
  const { handler } = resources(new Map([['image', { bytes: imageOf(3_000), etag: 'v1' }]]));
  const respond = blockServer(handler, { clock: waitingClock(), onBug: noBug });
  const sender = { key: 'x', signal: never };
  const path = [textOption('uriPath', 'ranged'), textOption('uriPath', 'image')];
  const far = (2 ** 20 - 1) * 16 + 6;
  const got = await respond({ code: 1, options: [...path, uint('block2', far)], payload: nothing }, sender);
  assert.equal(got.code, responseCodes.badRequest);
  const upload = [textOption('uriPath', 'uploads'), uint('block1', far)];
  const put = await respond({ code: 2, options: upload, payload: imageOf(5) }, sender);
  assert.equal(put.code, responseCodes.requestEntityIncomplete);
});

test('RFC 7959 §2.9.3, §4: an upload that is too large is told how large it may be', async () => {
  const handler: Handler = async (given) => {
    await receive(given, 5_000);
    return { status: 'changed', body: bytesBody(nothing) };
  };
  const respond = blockServer(handler, { clock: waitingClock(), onBug: noBug });
  const options = [textOption('uriPath', 'x'), uint('block1', 0x0e), uint('size1', 9_000)];
  const answer = await respond({ code: 2, options, payload: imageOf(1024) }, { key: 'x', signal: never });
  assert.deepEqual(
    [answer.code, uintOption(answer.options, 'size1')],
    [responseCodes.requestEntityTooLarge, 5_000],
  );
  const client = blockClient(async (asked, signal) => respond(asked, { key: 'x', signal }), lossyLink(1));
  const refused = await client(request('POST', '/x', { body: bytesBody(imageOf(9_000)) }));
  assert.deepEqual([refused.status, refused.limitBytes], ['too-large', 5_000]);
});

test('S1-11: who sends a block now and then makes room', async () => {
  const clock = waitingClock();
  const failed: string[] = [];
  const handler: Handler = async (given) => {
    await collect(given.body, 10_000).catch((error: unknown) => failed.push(String(error)));
    return { status: 'changed', body: bytesBody(nothing) };
  };
  const limits = { uploadsMax: 20, uploadsPerSenderMax: 4, idleMsMax: 247_000 };
  const respond = blockServer(handler, { clock, onBug: noBug, limits });
  const say = async (sender: string, path: string, number = 0) => {
    const options = [textOption('uriPath', path), uint('block1', number * 16 + 8)];
    const content = { code: methodCodes.POST, options, payload: imageOf(16) };
    return (await respond(content, { key: sender, signal: never })).code;
  };
  for (let at = 0; at < 20; at++)
    assert.equal(await say(`slow ${at >> 2}`, `p${at}`), responseCodes.continue);
  assert.equal(await say('new', 'q'), responseCodes.serviceUnavailable);
  await clock.sleep(16_000);
  // The first of them speaks again, so the second one is the slowest.
  assert.equal(await say('slow 0', 'p0', 1), responseCodes.continue);
  for (let at = 0; at < 4; at++) assert.equal(await say('new', `q${at}`), responseCodes.continue);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(failed.length, 4);
  assert.match(failed[0] ?? '', /others were waiting/);
  assert.equal(await say('slow 0', 'p0', 2), responseCodes.continue);
  assert.equal(await say('slow 0', 'p1', 1), responseCodes.requestEntityIncomplete);
});
