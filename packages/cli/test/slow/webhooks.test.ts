/** Receivers of servers that are killed, and of several that share a database. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import type { PostgresServer } from '../../../../tools/postgres-server.ts';
import { missingPostgres, startPostgres } from '../../../../tools/postgres-server.ts';
import type { Stage } from '../stage.ts';
import { createStage, withLamps } from '../stage.ts';
import { isGenuine, openReceiver, secretOf } from '../webhook-receiver.ts';

const skip = missingPostgres;
let server: PostgresServer | undefined;
test.after(async () => server?.stop());

async function receiving(t: TestContext, stage: Stage, ...answer: Parameters<typeof openReceiver>) {
  const receiver = await openReceiver(...answer);
  t.after(() => receiver.close());
  await writeFile(join(stage.folder, 'webhook.secret'), secretOf(1));
  return { receiver, options: ['--webhook', receiver.url, '--webhook-secret', 'webhook.secret'] };
}

const at = (url: string, role = 'operator') => [
  ...['--server', url, '--token-file', `data/tokens/${role}.token`],
];

async function startCampaign({ lapel }: Stage, url: string): Promise<void> {
  await lapel('publish', '1.1.0.suit', ...at(url, 'author'));
  await lapel('release', '1.1.0.suit', ...at(url));
  await lapel('campaign', 'start', '--release', '1.1.0.suit', '--key', 'operator.pem', ...at(url));
}

test('a server that is killed amid a message sends it again when it is back', async (t) => {
  const stage = await createStage(t);
  const { receiver, options } = await receiving(t, stage, (number) => (number === 0 ? -1 : undefined));
  const keys = await withLamps(stage);
  const killed = await stage.serving(...keys, ...options);
  await startCampaign(stage, killed.url);
  await receiver.until(() => receiver.posted.length === 1);
  killed.child.kill('SIGKILL');
  await stage.serving(...options);
  await receiver.until(() => receiver.changes().length === 1);
  const [first, second] = receiver.posted;
  assert.deepEqual([second?.id, second?.body], [first?.id, first?.body]);
  assert.ok(second && isGenuine(second, secretOf(1), Date.now()));
});

test('of two servers on one database one sends each message', { skip }, async (t) => {
  const stage = await createStage(t);
  const { receiver, options } = await receiving(t, stage);
  const keys = await withLamps(stage);
  server = await startPostgres();
  const database = ['--database', server.url];
  const one = await stage.serving(...database, ...options, ...keys);
  const two = await stage.serving(...database, ...options);
  await startCampaign(stage, one.url);
  await receiver.until(() => receiver.changes().length === 1);
  const [id = ''] = receiver.changes().map((change) => change.id);
  for (const [order, { url }] of [
    ['pause', two],
    ['resume', one],
    ['abort', two],
  ] as const)
    await stage.lapel('campaign', order, id, '--key', 'operator.pem', ...at(url));
  await receiver.until(() => receiver.changes().length >= 4);
  assert.deepEqual(
    receiver.changes().map(({ state }) => state),
    ['running', 'paused', 'running', 'aborted'],
  );
  assert.equal(new Set(receiver.posted.map((posted) => posted.id)).size, receiver.posted.length);
});
