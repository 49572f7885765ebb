/**
 * Device cores without a network, behind a communicator: the procedure, and what a communicator cannot do.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateSigningKey, signAttached } from '@lapel/cose';
import type { Step } from '@lapel/device';
import type { CoreLine } from '@lapel/gateway/communicator';
import type { Handler, Response } from '@lapel/transport';
import { bytesBody, collect } from '@lapel/transport';
import { makeRelease } from '../src/firmware.ts';
import { messageTrace } from '../src/message-trace.ts';
import type { ModesWorld } from '../src/modes-world.ts';
import { minute, modesWorld } from '../src/modes-world.ts';
import { communicator, living, makeCore, versionOf } from './communicator-world.ts';

test('S2-07: a communicator wakes only the cores that are behind', async () => {
  const world = await modesWorld({ seed: 1, over: 'http' });
  const cores = [
    await makeCore(world, 'lamp-1'),
    await makeCore(world, 'lamp-2'),
    await makeCore(world, 'sensor-1', 'sensor'),
  ];
  const between = communicator(world, cores);
  await living(world, between, cores, async () => {
    await world.run(world.at(2 * minute));
    assert.deepEqual(
      between.standing().map(({ woken, failure }) => [woken, failure]),
      [
        [0, undefined],
        [0, undefined],
        [0, undefined],
      ],
    );
    await world.publish({ image: world.random.bytes(6_000), sequence: 2, className: 'lamp' });
    await world.rollOut('lamp', 2);
    await world.run(world.at(6 * minute));
    assert.deepEqual(await Promise.all(cores.map(({ device }) => versionOf(world, device.id))), [
      '1.2.0',
      '1.2.0',
      '1.1.0',
    ]);
    assert.deepEqual(
      between.standing().map(({ woken }) => woken > 0),
      [true, true, false],
    );
  });
});

/** X.secup-iot, the common procedure: nine steps, each as the messages and acts that it consists of. */
const nineSteps: readonly string[] = [
  'Communicator → Device core: query firmware status',
  'Device core → Communicator: firmware status',
  'Communicator → Status Tracker: firmware status',
  'Status Tracker → Communicator: an update is needed',
  'Communicator → Device core: start the update',
  'Communicator → Firmware Server: request manifest',
  'Firmware Server → Communicator: manifest',
  'Device core: verify manifest',
  'Communicator → Firmware Server: request image',
  'Firmware Server → Communicator: image',
  'Device core: verify image',
  'Device core: install',
  'Communicator → Status Tracker: result',
  'Device core: run and confirm',
  'Status Tracker: the device has completed',
];

test('S2-02, S2-14: from the query to the list of devices, the nine steps come in their order', async () => {
  const world = await modesWorld({ seed: 2, over: 'http' });
  const trace = messageTrace();
  const seen = new Set<string>();
  const once = (what: string, note: () => void) => {
    if (!seen.has(what)) note();
    seen.add(what);
  };
  const step = (party: string, what: string) => once(what, () => trace.step(party, what));
  const acts: Partial<Record<Step, string>> = {
    'manifest-validated': 'verify manifest',
    'image-verified': 'verify image',
    staged: 'install',
    confirmed: 'run and confirm',
  };
  const onStep = (done: Step) => {
    const act = acts[done];
    if (act !== undefined) step('Device core', act);
  };
  const core = await makeCore(world, 'lamp-1', 'lamp', { onStep });
  const say = (from: string, to: string, what: string) =>
    once(`${from}${to}${what}`, () => trace.message(from, to, what));
  const { line } = core.link;
  const traced: CoreLine = {
    name: line.name,
    connect(serve) {
      const { ask, close } = line.connect(serve);
      return {
        close,
        async ask(asked) {
          if (asked.path === '/core/look') say('Communicator', 'Device core', 'start the update');
          else say('Communicator', 'Device core', 'query firmware status');
          const answer = await ask(asked);
          if (asked.path === '/core') say('Device core', 'Communicator', 'firmware status');
          return answer;
        },
      };
    },
  };
  const named = { manifests: 'manifest', payloads: 'image' } as const;
  const upstream: Handler = async (asked) => {
    const [, room = ''] = asked.path.split('/');
    const what = room === 'manifests' || room === 'payloads' ? named[room] : undefined;
    if (what !== undefined) say('Communicator', 'Firmware Server', `request ${what}`);
    if (room === 'check-in') say('Communicator', 'Status Tracker', 'firmware status');
    if (room === 'reports') say('Communicator', 'Status Tracker', 'result');
    const answer = await world.served(asked);
    if (what !== undefined) say('Firmware Server', 'Communicator', what);
    if (room === 'offers' && answer.status === 'ok' && answer.size !== 0)
      say('Status Tracker', 'Communicator', 'an update is needed');
    if ((await core.device.status()) === 'confirmed') step('Status Tracker', 'the device has completed');
    return answer;
  };
  const between = communicator(world, [{ ...core, link: { ...core.link, line: traced } }], upstream);
  await living(world, between, [core], async () => {
    await world.run(world.at(minute));
    await world.publish({ image: world.random.bytes(6_000), sequence: 2, className: 'lamp' });
    await world.rollOut('lamp', 2);
    await world.run(world.at(5 * minute));
  });
  assert.deepEqual(trace.arrows, nineSteps);
});

/** What a communicator could do to the core behind it, or whoever has broken into it. */
const lies: Readonly<Record<string, (world: ModesWorld, honest: Handler) => Promise<Handler>>> = {
  'gives another image': async (_, honest) => async (asked) => {
    const answer = await honest(asked);
    if (!asked.path.startsWith('/payloads/') || answer.status !== 'ok') return answer;
    const bytes = await collect(answer.body, 100_000);
    return { ...answer, body: bytesBody(bytes.with(1, (bytes[1] ?? 0) ^ 1)) };
  },
  'gives a manifest of its own, and its image': async (world, honest) => {
    const image = world.random.bytes(6_000);
    const forged = {
      image,
      sequence: 9,
      version: '9.0.0',
      className: 'lamp',
      key: generateSigningKey('P-256'),
    };
    const envelope = await makeRelease(forged);
    return async (asked) => {
      if (asked.path.startsWith('/manifests/')) return { status: 'ok', body: bytesBody(envelope) };
      if (asked.path.startsWith('/payloads/')) return { status: 'ok', body: bytesBody(image) };
      return honest(asked);
    };
  },
  'answers for the tracker': async (world, honest) => {
    const other = generateSigningKey('P-256');
    return async (asked) => {
      if (asked.path !== '/check-in') return honest(asked);
      return { status: 'ok', body: bytesBody(signAttached(other, world.random.bytes(60))) };
    };
  },
  "brings yesterday's answers of the tracker": async (_, honest) => {
    const kept = new Map<string, { readonly answer: Response; readonly bytes: Uint8Array }>();
    return async (asked) => {
      const known = kept.get(asked.path);
      if (known !== undefined && asked.path === '/check-in')
        return { ...known.answer, body: bytesBody(known.bytes) };
      const answer = await honest(asked);
      if (asked.path !== '/check-in') return answer;
      const bytes = await collect(answer.body, 100_000);
      kept.set(asked.path, { answer, bytes });
      return { ...answer, body: bytesBody(bytes) };
    };
  },
};

for (const [what, lie] of Object.entries(lies)) {
  test(`S2-18: a communicator that ${what} changes nothing that an honest one cannot mend`, async () => {
    const world = await modesWorld({ seed: 5, over: 'http' });
    const booted: number[] = [];
    const confirmed: number[] = [];
    const core = await makeCore(world, 'lamp-1', 'lamp', {
      onBoot: (decision) => decision.boot === 'slot' && booted.push(decision.running[0].sequenceNumber),
      onStep: (step) => step === 'confirmed' && confirmed.push(booted.at(-1) ?? 0),
    });
    let carry = await lie(world, world.served);
    const between = communicator(world, [core], (asked) => carry(asked));
    await living(world, between, [core], async () => {
      await world.publish({ image: world.random.bytes(6_000), sequence: 2, className: 'lamp' });
      await world.rollOut('lamp', 2);
      await world.run(world.at(20 * minute));
      assert.deepEqual(confirmed, []);
      // At most what its author has signed was tried.
      assert.ok(
        booted.every((sequence) => sequence === 1 || sequence === 2),
        booted.join(),
      );
      carry = world.served;
      await world.publish({ image: world.random.bytes(6_001), sequence: 3, className: 'lamp' });
      await world.rollOut('lamp', 3);
      await world.run(world.at(90 * minute));
      assert.equal(await versionOf(world, 'lamp-1'), '1.3.0');
    });
  });
}
