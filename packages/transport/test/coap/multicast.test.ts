/** Groups: everybody is asked at once, and who has something to say answers within their leisure. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkInterfaces } from 'node:os';
import type { Handler } from '@lapel/transport';
import { Problem, collect, problemResponse, request, systemClock, systemRandom } from '@lapel/transport';
import type { Datagrams } from '@lapel/transport/coap';
import {
  answerLinks,
  coapClient,
  blockServer,
  createEndpoint,
  encodeMessage,
  groupClient,
  messageTypes,
  methodCodes,
  provingAddress,
  readLinks,
  serveCoap,
  serveGroup,
  text as textOption,
  udpGroupSender,
} from '@lapel/transport/coap';
import { noBug, text, utf8 } from '../bodies.ts';
import type { LossyLink, Weather } from './lossy-link.ts';
import { lossyLink, underSeeds } from './lossy-link.ts';

const nothingThere = new Problem('not-found', 'expected links, found none');
const links = (count: number) => Array.from({ length: count }, (_, at) => `</${at}>;rt="lapel"`).join(',');

/** Answers with links; on a query that no link matches, with none. */
const core =
  (told: string): Handler =>
  async (asked) =>
    answerLinks(readLinks(told), asked);

/** Servers `one`, `two`…, each with a port of its own and one that hears the group. */
function serving(link: LossyLink, members: readonly Handler[]): { heard: Datagrams } {
  const common = { clock: link.clock, random: link.random, onBug: noBug };
  const groups: ((bytes: Uint8Array, from: string) => void)[] = [];
  members.forEach((handler, at) => {
    const respond = provingAddress(blockServer(handler, common), common);
    const own = link.open(`server ${at}`);
    createEndpoint({ ...common, respond, datagrams: own });
    serveGroup({
      ...common,
      respond,
      datagrams: { ...own, listen: (onDatagram) => void groups.push(onDatagram) },
    });
  });
  const heard = link.open('group');
  heard.listen(
    (bytes, from) => groups.forEach((hear) => hear(bytes.slice(), from)),
    () => undefined,
  );
  return { heard };
}

const clientOn = (link: LossyLink) =>
  groupClient({ clock: link.clock, random: link.random, datagrams: link.open('client'), onBug: noBug });

async function askAll(link: LossyLink, query = '', waitMs?: number): Promise<Map<string, string>> {
  const asked = request('GET', '/.well-known/core', {
    query: query === '' ? new Map() : new Map([['rt', query]]),
  });
  const found = new Map<string, string>();
  for await (const { from, response } of clientOn(link).ask(asked, 'group', waitMs))
    found.set(from, text(await collect(response.body, 100_000)));
  return found;
}

test('RFC 7252 §8.2, S1-10: each member answers once, within its leisure, whole', () =>
  underSeeds(5, async (seed) => {
    const weather: Weather = { copies: 0.3, delayMs: [1, 50] };
    const link = lossyLink(seed, weather);
    const told = [links(1), links(3), links(60)];
    serving(link, told.map(core));
    const found = await askAll(link);
    assert.deepEqual(found, new Map(told.map((one, at) => [`server ${at}`, one] as const)));
    const moments = link.sent.filter(({ from }) => from.startsWith('server')).map(({ atMs }) => atMs);
    assert.ok(Math.max(...moments.slice(0, 3)) <= 6_000);
  }));

test('RFC 6690 §4.1, RFC 7252 §8.2: who has no such link, or fails, says nothing', async () => {
  const link = lossyLink(1);
  const failing: Handler = async () => ({
    status: 'not-found',
    body: (await core('</x>')(request('GET', '/'))).body,
  });
  serving(link, [core('</a>;rt="lapel"'), core('</a>;rt="other"'), failing]);
  assert.deepEqual([...(await askAll(link, 'lapel')).keys()], ['server 0']);
  assert.equal(link.sent.filter(({ from }) => from.startsWith('server')).length, 1);
});

test('RFC 7252 §8.1: what is confirmable, or changes something, is neither answered nor reset', async () => {
  const link = lossyLink(1);
  serving(link, [core('</a>')]);
  const raw = link.open('stranger');
  const message = {
    type: messageTypes.nonConfirmable,
    code: methodCodes.GET,
    id: 1,
    token: utf8('t'),
    options: [textOption('uriPath', 'a path of thirty and some bytes')],
    payload: new Uint8Array(0),
  };
  raw.send(encodeMessage({ ...message, type: messageTypes.confirmable }), 'group');
  raw.send(encodeMessage({ ...message, code: methodCodes.POST }), 'group');
  raw.send(utf8('no message'), 'group');
  await link.clock.sleep(10_000);
  assert.equal(link.sent.filter(({ from }) => from.startsWith('server')).length, 0);
  // A copy of one that was answered.
  for (let copy = 0; copy < 3; copy++) raw.send(encodeMessage(message), 'group');
  await link.clock.sleep(10_000);
  assert.equal(link.sent.filter(({ from }) => from.startsWith('server')).length, 1);
});

test('S1-11: a group that is flooded answers some, each with at most three times what it got', async () => {
  const link = lossyLink(1);
  serving(link, [core(links(60))]);
  const raw = link.open('stranger');
  let sent = 0;
  for (let id = 0; id < 1_000; id++) {
    const options = [textOption('uriPath', '.well-known'), textOption('uriPath', 'core')];
    const type = messageTypes.nonConfirmable;
    const asked = { type, code: methodCodes.GET, id, token: utf8('t'), options, payload: new Uint8Array(0) };
    raw.send(encodeMessage(asked), 'group');
    sent = encodeMessage(asked).length;
  }
  await link.clock.sleep(10_000);
  const answers = link.sent.filter(({ from }) => from.startsWith('server'));
  assert.ok(answers.length > 0 && answers.length <= 64, `${answers.length} answers`);
  for (const { bytes } of answers) assert.ok(bytes.length <= 3 * sent, `${bytes.length} bytes to ${sent}`);
});

test('RFC 7252 §8: over sockets of a group on this machine', async (context) => {
  const group = { address: '224.0.1.187', port: 56_831, networks: ['127.0.0.1'], leisureMs: 100 };
  const server = await serveCoap(core(links(40)), { port: 0, groups: [group], onBug: noBug });
  context.after(() => server.close());
  const datagrams = await udpGroupSender(group);
  const client = groupClient({ clock: systemClock, random: systemRandom, datagrams, onBug: noBug });
  context.after(() => client.close());
  const asked = request('GET', '/.well-known/core');
  for await (const { from, response } of client.ask(asked, '224.0.1.187:56831', 10_000)) {
    assert.equal(`coap://${from}`, server.url);
    assert.equal(text(await collect(response.body, 10_000)), links(40));
    return;
  }
  assert.fail('expected an answer of the group, found none');
});

const ownOfIPv6 = Object.entries(networkInterfaces())
  .flatMap(([zone, found = []]) => found.map((each) => ({ ...each, zone })))
  .find(({ family, internal, address }) => family === 'IPv6' && !internal && !/^fe[89ab]/i.test(address));
const noIPv6 = ownOfIPv6 === undefined && 'no network of IPv6 is here';

test('RFC 7252 §12.8, S1-10: groups of a link and of a site in IPv6', { skip: noIPv6 }, async (context) => {
  const { address = '', zone = '' } = ownOfIPv6 ?? {};
  const networks = [`${address}%${zone}`];
  const addresses = [`ff02::fd%${zone}`, 'ff05::fd'];
  const groups = addresses.map((each) => ({ address: each, port: 56_832, networks, leisureMs: 50 }));
  const heard: string[] = [];
  const handler: Handler = async (asked) => {
    heard.push(asked.path);
    return asked.path === '/.well-known/core' ? core(links(40))(asked) : problemResponse(nothingThere);
  };
  for (const [host, port] of [
    [address, 0],
    // Its own port is that of the groups, which it hears on every address.
    ['::', 56_832],
  ] as const) {
    const server = await serveCoap(handler, { host, port, groups, onBug: noBug });
    const datagrams = await udpGroupSender({ address: addresses[0] ?? '', networks });
    const client = groupClient({ clock: systemClock, random: systemRandom, datagrams, onBug: noBug });
    context.after(() => client.close());
    for (const group of addresses) {
      heard.length = 0;
      const found: string[] = [];
      const asked = request('GET', '/.well-known/core');
      for await (const { from, response } of client.ask(asked, `[${group}]:56832`, 400)) {
        assert.equal(text(await collect(response.body, 10_000)), links(40));
        found.push(from);
      }
      assert.deepEqual(found, [`[${address}]:${server.port}`], `${host}, ${group}`);
      for await (const { from } of client.ask(request('GET', '/none'), `[${group}]:56832`, 200))
        assert.fail(`expected no answer to what is not there, found one of ${from}`);
      assert.equal(heard.filter((path) => path === '/none').length, 1);
    }
    await server.close();
  }
});

test('RFC 7252 §8: a server on every address is in a group at its own port', async (context) => {
  const group = { address: '224.0.1.187', port: 56_833, networks: ['127.0.0.1'], leisureMs: 50 };
  const options = { host: '0.0.0.0', port: group.port, groups: [group], onBug: noBug };
  const server = await serveCoap(core(links(40)), options);
  context.after(() => server.close());
  const datagrams = await udpGroupSender(group);
  const client = groupClient({ clock: systemClock, random: systemRandom, datagrams, onBug: noBug });
  context.after(() => client.close());
  const found: string[] = [];
  for await (const { from } of client.ask(request('GET', '/.well-known/core'), '224.0.1.187:56833', 300))
    found.push(from);
  assert.deepEqual(found, ['127.0.0.1:56833']);
  const alone = coapClient('coap://127.0.0.1:56833');
  context.after(() => alone.close());
  const { status, body } = await alone(request('GET', '/.well-known/core'));
  assert.deepEqual([status, text(await collect(body, 10_000))], ['ok', links(40)]);
});
