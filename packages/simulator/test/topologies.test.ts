/** The same four entities in every arrangement of X.secup-iot, with real parties. */

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { openGateway } from '@lapel/gateway';
import type { Handler } from '@lapel/transport';
import { onBug } from '../src/flow-parties.ts';
import { arrowsWithTracker, flowWithTracker } from '../src/flow-with-tracker.ts';
import { minute, modesWorld } from '../src/modes-world.ts';
import { communicator, living, makeCore, nearby, versionOf } from './communicator-world.ts';
import { roads } from './roads.ts';

async function emptyFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lapel-communicators-'));
  context.after(() => rm(folder, { recursive: true }));
  return folder;
}

test('S2-05, S2-12, S2-11: three communicators with ten cores each, one tracker, one inventory', async () => {
  const world = await modesWorld({ seed: 3, over: 'http' });
  const groups = await Promise.all(
    ['a', 'b', 'c'].map((group) =>
      Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          makeCore(world, `${group}-${index}`, index === 0 ? 'lamp' : 'sensor'),
        ),
      ),
    ),
  );
  const all = groups.flat();
  await living(
    world,
    groups.map((cores) => communicator(world, cores)),
    all,
    async () => {
      await world.publish({ image: world.random.bytes(6_000), sequence: 2, className: 'lamp' });
      await world.rollOut('lamp', 2);
      await world.run(world.at(5 * minute));
      const versions = await Promise.all(all.map(({ device }) => versionOf(world, device.id)));
      const wanted = all.map((_, index) => (index % 10 === 0 ? '1.2.0' : '1.1.0'));
      assert.deepEqual(versions, wanted);
    },
  );
});

test('S2-05, S2-17, S4-18: several communicators in a gateway, which fetches once', async (context) => {
  const folder = await emptyFolder(context);
  const world = await modesWorld({ seed: 4, over: 'http' });
  const fetched: string[] = [];
  const origin: Handler = async (asked) => {
    if (asked.path.startsWith('/payloads/')) fetched.push(asked.path);
    return world.served(asked);
  };
  const gateway = await openGateway({
    folder,
    upstreams: [{ name: 'origin', handler: origin }],
    ...{ clock: world.clock, random: world.random, onNotice: () => undefined, onBug },
  });
  const cores = await Promise.all([1, 2, 3, 4].map((number) => makeCore(world, `lamp-${number}`)));
  const between = [cores.slice(0, 2), cores.slice(2)].map((own) => communicator(world, own, gateway.handler));
  await world.publish({ image: world.random.bytes(6_000), sequence: 2, className: 'lamp' });
  await living(world, between, cores, async () => {
    await world.rollOut('lamp', 2);
    await world.run(world.at(5 * minute));
    const versions = await Promise.all(cores.map(({ device }) => versionOf(world, device.id)));
    assert.deepEqual(versions, ['1.2.0', '1.2.0', '1.2.0', '1.2.0']);
  });
  assert.equal(fetched.length, 1);
  await gateway.close();
});

test('S2-05, S2-15, S2-16: a webcam is core and communicator, a web server the rest', async (context) => {
  const folder = await emptyFolder(context);
  const [http] = roads;
  assert.ok(http);
  assert.deepEqual(await flowWithTracker(folder, (server) => http.carry(context, server)), arrowsWithTracker);
});

test('S2-05, S4-17, S2-18: a telephone is tracker, server, communicator, by 20 bytes', async () => {
  const world = await modesWorld({ seed: 6, over: 'http' });
  const core = await makeCore(world, 'tag-1', 'tag', {}, nearby);
  await living(world, communicator(world, [core]), [core], async () => {
    await world.publish({ image: world.random.bytes(5_000), sequence: 2, className: 'tag' });
    await world.rollOut('tag', 2);
    await world.run(world.at(30 * minute));
    assert.equal(await versionOf(world, 'tag-1'), '1.2.0');
  });
});
