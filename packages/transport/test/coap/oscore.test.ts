/** OSCORE between two who share a secret: nobody between reads or changes it, and no nonce comes twice. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Handler, Response } from '@lapel/transport';
import { bytesBody, collect, receive, request } from '@lapel/transport';
import type { Content, OscoreContext, SequenceStore } from '@lapel/transport/coap';
import {
  blockClient,
  blockServer,
  contextName,
  createEndpoint,
  decodeMessage,
  decodeOscoreOption,
  echoing,
  encodeMessage,
  encodeOscoreOption,
  methodCodes,
  openRequest,
  option,
  optionValue,
  oscoreClient,
  oscoreContext,
  oscoreServer,
  protectRequest,
  responseCodes,
  subscribing,
  text as textOption,
} from '@lapel/transport/coap';
import { noBug, text, utf8 } from '../bodies.ts';
import type { LossyLink, Weather } from './lossy-link.ts';
import { diskOf, lossyLink, seeded, underSeeds } from './lossy-link.ts';
import { imageOf } from './resources.ts';

const secret = { masterSecret: utf8('sixteen bytes ok'), masterSalt: utf8('salt') };
const lamp = utf8('lamp');
const house = utf8('h');

const serverContext = (store: SequenceStore): OscoreContext =>
  oscoreContext({
    ...secret,
    senderId: house,
    recipientId: lamp,
    store,
    peer: { id: 'lamp', roles: ['device'] },
  });

/** Starts a server and a client on the link, anew where they were there already. */
function start(link: LossyLink, disks: readonly [SequenceStore, SequenceStore], handler: Handler) {
  const common = { clock: link.clock, random: link.random, onBug: noBug };
  const transmission = { maxRetransmit: 8 };
  const context = serverContext(disks[0]);
  const respond = oscoreServer({
    find: (name) => (name === contextName(lamp, undefined) ? context : undefined),
    random: link.random,
    secured: blockServer(handler, common),
  });
  const server = createEndpoint({ ...common, transmission, datagrams: link.open('server'), respond });
  const endpoint = createEndpoint({ ...common, transmission, datagrams: link.open('client') });
  const own = oscoreContext({ ...secret, senderId: lamp, recipientId: house, store: disks[1] });
  const carrier = { ask: endpoint.ask('server'), watch: endpoint.watch('server') };
  const { ask } = echoing(oscoreClient(own, carrier));
  const close = async () => {
    await Promise.all([server.close(), endpoint.close()]);
  };
  return { client: blockClient(ask, { random: link.random }), close };
}

const mirror: Handler = async (asked): Promise<Response> => {
  const bytes = await receive(asked, 100_000);
  return { status: 'ok', size: bytes.length, body: bytesBody(bytes) };
};

const post = (bytes: Uint8Array) => request('POST', '/reports', { body: bytesBody(bytes) });

test('RFC 8613 §8: what is said arrives, from whom it is proven to be, over a link that loses', () =>
  underSeeds(8, async (seed) => {
    const weather: Weather = { loss: 0.1, copies: 0.1, delayMs: [5, 1_500] };
    const link = lossyLink(seed, weather);
    let who: string | undefined;
    const { client } = start(link, [diskOf(), diskOf()], async (asked) => {
      who = asked.peer?.id;
      return mirror(asked);
    });
    for (const size of [0, 5, 5_000]) {
      const response = await client(post(imageOf(size)));
      assert.deepEqual(await collect(response.body, 10_000), imageOf(size));
    }
    assert.equal(who, 'lamp');
  }));

test('RFC 8613 §4: nothing of path, content or outcome is to be read on the way', async () => {
  const link = lossyLink(1);
  const { client } = start(link, [diskOf(), diskOf()], mirror);
  await client(request('PUT', '/payloads/visible', { body: bytesBody(utf8('visible words')) }));
  assert.ok(link.sent.length >= 4);
  for (const { bytes } of link.sent) assert.doesNotMatch(text(bytes), /visible/);
  const codes = new Set(link.sent.map(({ bytes }) => decodeMessage(bytes).code));
  assert.deepEqual(codes, new Set([methodCodes.POST, responseCodes.changed]));
});

test('RFC 8613 §5: a changed bit, another context or request is no message of the sender', async () => {
  const own = oscoreContext({ ...secret, senderId: lamp, recipientId: house, store: diskOf() });
  const asked: Content = {
    code: methodCodes.GET,
    options: [textOption('uriPath', 'offers')],
    payload: new Uint8Array(0),
  };
  const { content, binding } = await protectRequest(own, asked, 20);
  const other = serverContext(diskOf());
  assert.deepEqual(openRequest(other, binding, content), asked);
  for (let bit = 0; bit < 8 * content.payload.length; bit++) {
    const payload = content.payload.slice();
    payload[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(openRequest(other, binding, { ...content, payload }), undefined);
  }
  assert.equal(openRequest(other, { ...binding, partialIv: Uint8Array.of(21) }, content), undefined);
  const stranger = oscoreContext({
    ...secret,
    masterSalt: utf8('pepper'),
    senderId: house,
    recipientId: lamp,
    store: diskOf(),
  });
  assert.equal(openRequest(stranger, binding, content), undefined);
});

test('RFC 8613 §8.2: replays, strangers, forgeries and what is not protected are refused', async () => {
  const link = lossyLink(1);
  const { client } = start(link, [diskOf(), diskOf()], mirror);
  await client(post(utf8('once')));
  const last = link.sent.findLast(({ from }) => from === 'client')?.bytes ?? new Uint8Array(0);
  const raw = link.open('stranger');
  const answers: (readonly [number, string])[] = [];
  raw.listen(
    (bytes) => {
      const { code, payload } = decodeMessage(bytes);
      answers.push([code, text(payload)]);
    },
    () => undefined,
  );
  const genuine = decodeMessage(last);
  let id = 100;
  const send = async (change: (content: Content) => Partial<Content>) => {
    raw.send(encodeMessage({ ...genuine, ...change(genuine), id: id++ }), 'server');
    await link.clock.sleep(1_000);
    return answers.at(-1);
  };
  const named = (header: object) => () => ({ options: [{ number: 9, value: encodeOscoreOption(header) }] });
  const partialIv = Uint8Array.of(200);
  assert.deepEqual(await send(() => ({})), [responseCodes.unauthorized, 'Replay detected']);
  assert.deepEqual(await send(() => ({ options: [] })), [responseCodes.unauthorized, 'expected OSCORE']);
  const unknown = named({ partialIv, kid: utf8('x') });
  assert.deepEqual(await send(unknown), [responseCodes.unauthorized, 'Security context not found']);
  assert.deepEqual(await send(named({ kid: lamp })), [responseCodes.badOption, 'Failed to decode COSE']);
  const forged = named({ partialIv, kid: lamp });
  assert.deepEqual(await send(forged), [responseCodes.badRequest, 'Decryption failed']);
  // A forgery has used up no number.
  assert.equal((await client(post(utf8('twice')))).status, 'ok');
});

test('RFC 8613 §7.2: over power cuts and losses no key meets a nonce twice', () =>
  underSeeds(10, async (seed) => {
    const link = lossyLink(seed, { loss: 0.15, copies: 0.15, delayMs: [5, 2_000] });
    const disks = [diskOf(), diskOf()] as const;
    for (let life = 0; life < 6; life++) {
      const { client, close } = start(link, disks, mirror);
      const asked = 1 + Math.floor(link.random.fraction() * 4);
      for (let count = 0; count < asked; count++) await client(post(imageOf(10, seed + count)));
      // The power may go while a request is under way.
      const stop = new AbortController();
      const last = client({ ...post(imageOf(3_000)), signal: stop.signal }).catch(() => undefined);
      await link.clock.sleep(link.random.fraction() * 3_000);
      stop.abort(new Error('the power is gone'));
      await Promise.all([last, close()]);
    }
    requireUniqueNonces(link);
    assert.ok(disks[1].writes <= 6, `${disks[1].writes} writes`);
  }));

/** From what was on the air: copies are the same bytes, anything else has a nonce of its own. */
function requireUniqueNonces({ sent }: LossyLink): void {
  const sealed = new Map<string, string>();
  const requestByToken = new Map<string, string>();
  const once = (nonce: string, payload: string) => {
    assert.ok((sealed.get(nonce) ?? payload) === payload, `the nonce of ${nonce} was used twice`);
    sealed.set(nonce, payload);
  };
  for (const { from, bytes } of sent) {
    const { options, payload, token } = decodeMessage(bytes);
    const value = optionValue(options, 'oscore');
    const header = value === undefined ? undefined : decodeOscoreOption(value);
    if (header === undefined) continue;
    const number = header.partialIv === undefined ? undefined : Buffer.from(header.partialIv).toString('hex');
    const [name, content] = [Buffer.from(token).toString('hex'), Buffer.from(payload).toString('hex')];
    if (from === 'client') requestByToken.set(name, number ?? '');
    if (from === 'client' || number !== undefined) once(`${from} ${number}`, content);
    else once(`server, to ${requestByToken.get(name)}`, content);
  }
}

test('RFC 8613 §B.1.2: after a start a server takes no old request for a new one', async () => {
  const link = lossyLink(1);
  const disks = [diskOf(), diskOf()] as const;
  let served = 0;
  const counting: Handler = async (asked) => {
    served += 1;
    return mirror(asked);
  };
  const before = start(link, disks, counting);
  await before.client(post(utf8('report')));
  await before.close();
  const old = link.sent.filter(({ from }) => from === 'client').map(({ bytes }) => bytes);
  const { client } = start(link, disks, counting);
  const raw = link.open('replayer');
  raw.listen(
    () => undefined,
    () => undefined,
  );
  for (const bytes of old) raw.send(bytes, 'server');
  await link.clock.sleep(10_000);
  assert.equal(served, 1);
  // The one who has the secret goes on at once.
  assert.equal((await client(post(utf8('next')))).status, 'ok');
  for (const bytes of old) raw.send(encodeMessage({ ...decodeMessage(bytes), id: 9_999 }), 'server');
  await link.clock.sleep(10_000);
  assert.equal(served, 2);
});

test('RFC 8613 §8.3.1: notifications are protected, each under a number of its own', async () => {
  const link = lossyLink(3);
  const common = { clock: link.clock, random: link.random, onBug: noBug };
  const context = serverContext(diskOf());
  const handler: Handler = async () => ({ status: 'ok', body: bytesBody(utf8('plain')) });
  const secured = blockServer(handler, {
    ...common,
    async *subscribe() {
      for (const word of ['one', 'two', 'three']) {
        yield { status: 'ok', body: bytesBody(utf8(word)) } as const;
        await link.clock.sleep(1_000);
      }
    },
  });
  const respond = oscoreServer({ find: () => context, random: seeded(1), secured });
  createEndpoint({ ...common, datagrams: link.open('server'), respond });
  const endpoint = createEndpoint({ ...common, datagrams: link.open('client') });
  const own = oscoreContext({ ...secret, senderId: lamp, recipientId: house, store: diskOf() });
  const carrier = { ask: endpoint.ask('server'), watch: endpoint.watch('server') };
  const { ask, watch } = echoing(oscoreClient(own, carrier));
  const stop = new AbortController();
  const seen: string[] = [];
  const asked = request('GET', '/offer', { signal: stop.signal });
  for await (const { body } of subscribing(watch, ask, common)(asked)) {
    seen.push(text(await collect(body, 100)));
    if (seen.length === 3) break;
  }
  assert.deepEqual(seen, ['one', 'two', 'three']);
  for (const { bytes } of link.sent) assert.doesNotMatch(text(bytes), /one|two|three/);
  requireUniqueNonces(link);
});

test('RFC 9175 §2.6: a refusal of who has no secret is at most three times what was asked', async () => {
  const secured = async () => assert.fail('expected nobody to be served');
  const answering = oscoreServer({ find: () => undefined, random: seeded(1), secured });
  const empty = new Uint8Array(0);
  const cose = [option('oscore', empty)];
  for (const options of [[], cose])
    for (const requestBytes of [5, 6, 7, 8, 9, 10, 40]) {
      const sender = { key: 'stranger', signal: new AbortController().signal, requestBytes, headBytes: 4 };
      const answer = await answering({ code: 1, options, payload: empty }, sender);
      const bytes = encodeMessage({ ...answer, type: 2, id: 1, token: empty }).length;
      assert.equal(answer.code >>> 5, 4);
      assert.ok(bytes <= 3 * requestBytes, `${bytes} bytes for ${requestBytes}`);
      if (requestBytes === 40) assert.ok(answer.payload.length > 0, 'with its reason, where there is room');
    }
});
