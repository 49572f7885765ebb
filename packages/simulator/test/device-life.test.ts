/** Devices under a real status tracker and a real firmware server, behind links that lose messages. */

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { unhex, write } from '@lapel/cbor';
import { generateSigningKey, signAttached } from '@lapel/cose';
import { class1 } from '@lapel/device';
import { createFirmwareServer } from '@lapel/firmware-server';
import { createMemoryStore, createStatusTracker } from '@lapel/status-tracker';
import { Campaign, protocolVersion } from '@lapel/status-tracker/protocol';
import type { Handler } from '@lapel/transport';
import { simulatedClock } from '../src/clock.ts';
import type { Behaviour } from '../src/device-life.ts';
import { component, deviceClass, makeRelease, vendor } from '../src/firmware.ts';
import { liveInFleet, makeDevice } from '../src/fleet.ts';
import { norFlash } from '../src/flash.ts';
import { readFlash } from '../src/flash-reader.ts';
import { publishTo } from '../src/publishing.ts';
import { seededRandom } from '../src/random.ts';

const className = 'lamp';
const origin = 'http://tracker.example';
const loss = { request: 0.15, response: 0.15, chunk: 0.1 };
const hour = 3_600_000;

interface Outcome {
  readonly status: string | undefined;
  readonly because: string | undefined;
  readonly slots: readonly string[];
  readonly floor: number;
  readonly boots: string;
}

/** One device, one campaign, until the tracker knows how it ended. */
async function rollOut(seed: number, behaviour: Behaviour): Promise<Outcome> {
  const random = seededRandom(seed);
  const [author, trackerKey, operator] = [key(), key(), key()];
  const clock = simulatedClock();
  const folder = await mkdtemp(join(tmpdir(), 'lapel-life-'));
  const done = new AbortController();
  try {
    const server = await createFirmwareServer({
      folder,
      trustAnchors: [{ key: author.public }],
      onBug,
      onRefused,
    });
    const plan = { className, key: author };
    const [old, fresh] = [random.bytes(5001), random.bytes(9007)];
    const first = await makeRelease({ ...plan, image: old, sequence: 1, version: '1.0.0' });
    const second = await makeRelease({ ...plan, image: fresh, sequence: 2, version: '1.1.0' });
    const manifest = await publishTo(server.handler, second, fresh);
    const manifestDigest = unhex(manifest) ?? assert.fail(manifest);
    const lamp = { vendor, class: deviceClass(className) };
    const tracker = await createStatusTracker({
      store: createMemoryStore(),
      clock,
      random: random.fork('tracker'),
      trackerKey,
      operators: [operator.public],
      releases: () => ({
        ...lamp,
        digest: manifestDigest,
        sequenceNumber: 2,
        components: [component],
        imageBytes: fresh.length,
        uri: `${origin}/manifests/${manifest}`,
        released: true,
        envelope: second,
      }),
      onBug,
    });
    const profile = class1({ imagePages: 6 });
    const device = makeDevice(
      { id: 'lamp-1', className, firmware: { envelope: first, image: old } },
      {
        profile,
        author: author.public,
        tracker: trackerKey.public,
        attempts: 3,
        deadlineMs: hour,
        flashOf: () => norFlash({ geometry: profile.layout.geometry }),
      },
    );
    await tracker.desk.provision({ id: 'lamp-1', key: device.trust.deviceKey.public, ...lamp }, 'test');
    const campaign = write(Campaign, {
      ...lamp,
      version: protocolVersion,
      id: random.bytes(16),
      name: 'lamps to 2',
      manifestDigest,
      waves: [1000],
      inFlightMax: 1,
      failureRateMax: 1000,
      silenceMsMax: 24 * hour,
      created: clock.wallMs(),
      expires: clock.wallMs() + 48 * hour,
    });
    await tracker.desk.start(signAttached(operator, campaign), 'test');

    const boots: string[] = [];
    const isServers = (path: string) => path.startsWith('/payloads/') || path.startsWith('/manifests/');
    const upstream: Handler = (asked) =>
      isServers(asked.path) ? server.handler(asked) : tracker.handler(asked);
    const life = liveInFleet(
      device,
      {
        upstream,
        origin,
        loss,
        clock,
        random: random.fork('life'),
        pollMs: 60_000,
        behaviour: (_, { slot }) => (slot === 1 ? behaviour : 'sound'),
        onBoot: (_, decision) =>
          boots.push(decision.boot === 'nothing' ? '-' : `${decision.slot}${decision.onTrial ? 't' : ''}`),
      },
      done.signal,
    );
    const ended = new Set(['confirmed', 'failed', 'reverted', 'given-up']);
    const watching = async () => {
      for (let minute = 0; minute < 3 * 24 * 60; minute++) {
        await tracker.tick();
        const { device: known } = await tracker.desk.device('lamp-1');
        if (ended.has(known.member?.status ?? '')) return known.member;
        await clock.sleep(60_000);
      }
      return undefined;
    };
    const member = await Promise.race([watching(), life.then(() => undefined)]);
    done.abort(new Error('the campaign has ended'));
    await life;
    await tracker.close();
    const { slots, floor } = readFlash(device.flash.dump(), profile.layout);
    return {
      status: member?.status,
      because: member?.because,
      slots: slots.map(({ state }) => state),
      floor,
      boots: boots.join(' '),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

const key = () => generateSigningKey('P-256');

function onBug(error: unknown): never {
  throw error;
}

function onRefused(digest: string, why: string): never {
  throw new Error(`expected ${digest} to be believed, found ${why}`);
}

test('S1-18, S4-116: a campaign over a lossy link ends confirmed, in tracker and flash', async () => {
  for (let seed = 1; seed <= 6; seed++) {
    const { status, slots, floor, boots } = await rollOut(seed, 'sound');
    assert.equal(status, 'confirmed', `seed ${seed}`);
    assert.deepEqual(slots, ['confirmed', 'confirmed'], `seed ${seed}`);
    assert.equal(floor, 2, `seed ${seed}`);
    assert.equal(boots, '0 1t', `seed ${seed}`);
  }
});

for (const behaviour of ['sick', 'crashes', 'hangs'] as const) {
  test(`S4-121, S4-125: the tracker learns of a device that went back (${behaviour})`, async () => {
    for (let seed = 1; seed <= 2; seed++) {
      const { status, slots, floor } = await rollOut(seed, behaviour);
      assert.match(status ?? '', /^(reverted|failed)$/, `seed ${seed}`);
      assert.deepEqual(slots, ['confirmed', 'unusable'], `seed ${seed}`);
      assert.equal(floor, 1, `seed ${seed}`);
    }
  });
}
