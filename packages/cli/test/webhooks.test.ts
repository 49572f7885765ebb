/** What a server tells receivers outside, whatever becomes of either. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { hex, write } from '@lapel/cbor';
import { signAttached } from '@lapel/cose';
import type { Campaign } from '@lapel/status-tracker/protocol';
import { CampaignOrder } from '@lapel/status-tracker/protocol';
import { sendOut } from '@lapel/status-tracker/outbox';
import { discard, systemClock, systemRandom } from '@lapel/transport';
import { readWebhooks } from '../src/serve/webhooks.ts';
import type { HouseWorld } from './house-world.ts';
import { lampImage, openHouseWorld, signedCampaign } from './house-world.ts';
import type { WebhookReceiver } from './webhook-receiver.ts';
import { isGenuine, openReceiver, secretOf } from './webhook-receiver.ts';

async function secretFile(t: TestContext, ...lines: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lapel-webhook-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'webhook.secret');
  await writeFile(file, `${lines.join('\n')}\n`);
  return file;
}

async function receiving(
  t: TestContext,
  ...answer: Parameters<typeof openReceiver>
): Promise<WebhookReceiver> {
  const receiver = await openReceiver(...answer);
  t.after(() => receiver.close());
  return receiver;
}

async function serving(
  t: TestContext,
  receivers: readonly WebhookReceiver[],
  secrets: readonly string[] = [secretOf(1)],
): Promise<HouseWorld> {
  const webhookSecret = await secretFile(t, ...secrets);
  const webhooks = await readWebhooks({ webhook: receivers.map(({ url }) => url), webhookSecret });
  const world = await openHouseWorld(undefined, { webhooks });
  t.after(() => world.close());
  return world;
}

async function started(world: HouseWorld): Promise<Campaign> {
  const campaign = world.campaign(await world.release(await lampImage('1.1.0'), 2));
  await sent(world, '/campaigns', signedCampaign(campaign, world.operator));
  return campaign;
}

async function ordered(
  world: HouseWorld,
  { id }: Campaign,
  orders: readonly ('pause' | 'resume')[],
  from = 1,
) {
  for (const [at, order] of orders.entries()) {
    const said = { version: 1, campaign: id, number: from + at, order, created: Date.now() } as const;
    const signed = signAttached(world.operator, write(CampaignOrder, said));
    await sent(world, `/campaigns/${hex(id)}/orders`, signed);
  }
}

async function sent(world: HouseWorld, path: string, signed: Uint8Array): Promise<void> {
  const { status, body } = await world.send('POST', path, signed);
  assert.ok(status === 'created' || status === 'ok', `${path}: ${status}`);
  await discard(body);
}

const statesOf = (receiver: WebhookReceiver) => receiver.changes().map(({ state }) => state);

test('what changes is posted to each receiver in its order, signed, at its time', async (t) => {
  const receivers = [await receiving(t), await receiving(t)];
  const world = await serving(t, receivers);
  const campaign = await started(world);
  await ordered(world, campaign, ['pause', 'resume', 'pause']);
  for (const receiver of receivers) {
    await receiver.until(() => statesOf(receiver).length === 4);
    assert.deepEqual(statesOf(receiver), ['running', 'paused', 'running', 'paused']);
    for (const { kind, id } of receiver.changes())
      assert.deepEqual({ kind, id }, { kind: 'campaign', id: hex(campaign.id) });
    for (const posted of receiver.posted) {
      assert.ok(isGenuine(posted, secretOf(1), Date.now()));
      assert.ok(!isGenuine(posted, secretOf(2), Date.now()), 'of another secret');
      assert.ok(!isGenuine(posted, secretOf(1), Date.now() + 301_000), 'sent again later');
      assert.ok(
        !isGenuine({ ...posted, timestamp: String(Number(posted.timestamp) + 1) }, secretOf(1), Date.now()),
      );
      assert.ok(!isGenuine({ ...posted, body: `${posted.body} ` }, secretOf(1), Date.now()));
      assert.ok(!isGenuine({ ...posted, id: `${posted.id}0` }, secretOf(1), Date.now()));
    }
  }
});

test('while a secret is being replaced, receivers may hold either of them', async (t) => {
  const receiver = await receiving(t);
  const world = await serving(t, [receiver], [secretOf(1), secretOf(2)]);
  await started(world);
  await receiver.until(() => statesOf(receiver).length === 1);
  const [posted] = receiver.posted;
  assert.ok(posted);
  for (const fill of [1, 2]) assert.ok(isGenuine(posted, secretOf(fill), Date.now()));
});

test('what a receiver does not take is sent again under its id, and what follows waits', async (t) => {
  const receiver = await receiving(t, (number, outgoing) => {
    if (number === 0) return 500;
    if (number > 1) return undefined;
    outgoing.setHeader('location', 'https://elsewhere.example/');
    return 302;
  });
  const world = await serving(t, [receiver]);
  const campaign = await started(world);
  await receiver.until(() => receiver.posted.length === 1);
  await ordered(world, campaign, ['pause', 'resume']);
  await receiver.until(() => statesOf(receiver).length === 3);
  assert.deepEqual(statesOf(receiver), ['running', 'paused', 'running']);
  const [first, second, third, fourth] = receiver.posted;
  assert.deepEqual([second?.id, third?.id], [first?.id, first?.id]);
  assert.deepEqual([second?.body, third?.body], [first?.body, first?.body]);
  assert.notEqual(fourth?.id, first?.id);
  assert.ok(Number(third?.timestamp) > Number(first?.timestamp), 'each time is of its sending');
});

test('a server that ends while it sends tells all of it when it is back, under the same id', async (t) => {
  const receiver = await receiving(t, (number) => (number === 0 ? -1 : undefined));
  const world = await serving(t, [receiver]);
  const campaign = await started(world);
  await receiver.until(() => receiver.posted.length === 1);
  await ordered(world, campaign, ['pause']);
  await world.restart();
  await receiver.until(() => statesOf(receiver).length === 2);
  assert.deepEqual(statesOf(receiver), ['running', 'paused']);
  assert.equal(receiver.posted[1]?.id, receiver.posted[0]?.id);
  assert.equal(receiver.posted[1]?.body, receiver.posted[0]?.body);
});

test('beyond a limit the oldest are dropped, and whoever runs the server is told', async (t) => {
  const receiver = await receiving(t);
  const webhookSecret = await secretFile(t, secretOf(1));
  const receivers = await readWebhooks({ webhook: [receiver.url], webhookSecret });
  const world = await openHouseWorld();
  t.after(() => world.close());
  const { store } = world.house;
  await store.keepReceivers(
    receivers.map(({ name }) => name),
    Date.now(),
  );
  const campaign = await started(world);
  await ordered(world, campaign, ['pause', 'resume', 'pause', 'resume']);
  const notices: string[] = [];
  const over = new AbortController();
  const { ended } = await sendOut(
    {
      ...{ store, clock: systemClock, random: systemRandom, receivers, holder: 'test', tenant: 'default' },
      ...{ waitingMax: 2, onNotice: (text: string) => notices.push(text), onBug: assert.ifError },
    },
    over.signal,
  );
  await receiver.until(() => statesOf(receiver).length === 2);
  over.abort();
  await ended;
  assert.deepEqual(statesOf(receiver), ['paused', 'running']);
  const shown = new URL(receiver.url).origin;
  assert.deepEqual(notices, [
    `webhook ${shown}: the 3 oldest changes are dropped untold, for more than 2 waited`,
  ]);
});

test('a receiver that is away is told of once, and once that it is back', async (t) => {
  const receiver = await receiving(t, (number) => (number < 2 ? 503 : undefined));
  const webhookSecret = await secretFile(t, secretOf(1));
  const webhooks = await readWebhooks({ webhook: [receiver.url], webhookSecret });
  const notices: string[] = [];
  const world = await openHouseWorld(undefined, { webhooks }, (text) => notices.push(text));
  t.after(() => world.close());
  await started(world);
  await receiver.until(() => notices.length === 2);
  const shown = new URL(receiver.url).origin;
  assert.deepEqual(notices, [
    `webhook ${shown}: expected it to take what changed, found status 503; it is tried again`,
    `webhook ${shown}: it takes what changes again`,
  ]);
  assert.equal(receiver.posted.length, 3);
});

for (const [url, found] of [
  ['ftp://example.org/', 'ftp://example.org'],
  ['http://example.org/hook', 'http://example.org'],
  ['http://127.0.0.1.example.org/', 'http://127.0.0.1.example.org'],
  ['https://user:word@example.org/', 'a name or password in it'],
  ['https://example.org/#part', 'a fragment in it'],
  ['example.org', 'another text'],
] as const) {
  test(`nothing is sent to ${url}`, async (t) => {
    const webhookSecret = await secretFile(t, secretOf(1));
    const expected = 'expected --webhook to be https://HOST/PATH, or http:// on this machine';
    await assert.rejects(readWebhooks({ webhook: [url], webhookSecret }), {
      message: `${expected}, found ${found}`,
    });
  });
}

test('a secret that is too short, or none, signs nothing, and is told to nobody', async (t) => {
  const webhook = ['https://example.org/'];
  const short = await secretFile(t, `whsec_${Buffer.alloc(23).toString('base64')}`);
  await assert.rejects(readWebhooks({ webhook, webhookSecret: short }), /found one of 23$/);
  const none = await secretFile(t, 'password');
  await assert.rejects(
    readWebhooks({ webhook, webhookSecret: none }),
    /expected whsec_ and base64[^]*found another$/,
  );
  await assert.rejects(readWebhooks({ webhook, webhookSecret: await secretFile(t) }), /found 0$/);
  await assert.rejects(readWebhooks({ webhook }), /expected --webhook-secret with --webhook, found none/);
  await assert.rejects(
    readWebhooks({ webhook: [], webhookSecret: none }),
    /expected --webhook with --webhook-secret, found none/,
  );
});
