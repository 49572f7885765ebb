/** RFC 9124 §4.3.21: whoever cannot sign cannot wear out a device's flash either. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Journal, boot, readTrustStore, runAgent } from '@lapel/device';
import { seededRandom, servedFromMemory, simulatedClock } from '@lapel/simulator';
import { readEnvelope, writeEnvelope } from '@lapel/suit';
import { refusals } from '../life.ts';
import { flashOf, make } from '../world.ts';

const updates = 10_000;

test('X-44, S4-48: ten thousand bad updates cost not one erase and not one program', async () => {
  const made = await make();
  const seed = 44;
  const random = seededRandom(seed);
  const { limits } = made.profile;
  const good = await made.release(random.bytes(3000), 9);
  const stranger = await made.release(random.bytes(3000), 9, made.deviceKey);
  const otherClass = await made.release(random.bytes(3000), 9, made.author, 'kettle');
  const older = await made.release(random.bytes(3000), 0);
  const bare = writeEnvelope({ ...readEnvelope(good, limits), blocks: [] });

  const bad = (): Uint8Array => {
    const kind = random.below(8);
    if (kind === 0) return random.bytes(random.below(limits.envelopeBytes + 100));
    if (kind === 1) return good.subarray(0, random.below(good.length));
    if (kind === 2) return stranger;
    if (kind === 3) return otherClass;
    if (kind === 4) return older;
    if (kind === 5) return bare;
    const flipped = good.slice();
    const at = random.below(flipped.length);
    flipped[at] = (flipped[at] ?? 0) ^ (1 << random.below(8));
    return flipped;
  };

  function* all() {
    for (let count = 0; count < updates; count++) yield bad();
  }
  const flash = flashOf(made);
  const refused = await refusals(made, flash, all());
  assert.equal(refused.length, updates, `seed ${seed}`);
  assert.deepEqual(new Set(refused.filter((each) => !/expected /.test(each))), new Set());
  assert.equal(flash.operations, 0, `seed ${seed}`);
  assert.deepEqual(flash.dump(), made.factory);
});

/** Of any page, however often a valid manifest comes with a payload that is not its own. */
const erasesMax = 48;

test(`X-44: ten thousand offers with a corrupt payload cost no page over ${erasesMax} erases`, async () => {
  const made = await make({ imagePages: 4 });
  const { profile, factory } = made;
  const seed = 45;
  const random = seededRandom(seed);
  const image = random.bytes(7001);
  const envelope = await made.release(image, 9);
  const flash = flashOf(made);
  const clock = simulatedClock();
  const done = new AbortController();
  let offered = 0;
  // A server that lies, and a tracker that offers the same anew with each answer.
  const handler = servedFromMemory([image], Infinity);
  const trust = readTrustStore(flash, profile.layout.trustStore);
  const decision = boot(flash, profile);
  assert.ok(trust !== undefined && decision.boot === 'slot');
  const run = runAgent(
    {
      flash,
      profile,
      decision,
      trust,
      journal: Journal.open(flash, profile.layout.journal),
      clock,
      random,
      pollMs: 60_000,
      network: () => handler,
      selfTest: async () => true,
      source: {
        announce: async () => true,
        report: async () => undefined,
        postpone: () => assert.fail('expected whoever offers to decide'),
        async next() {
          if (offered++ === updates) done.abort(new Error('all offered'));
          const binding = { nonce: random.bytes(16), generation: offered };
          return { uri: 'http://firmware.example/manifests/x', envelope, binding };
        },
      },
    },
    done.signal,
  );
  await assert.rejects(run, { message: 'all offered' });
  const pages = Array.from({ length: factory.length / 2048 }, (_, page) => flash.erasesOf(page * 2048));
  assert.ok(Math.max(...pages) <= erasesMax, `seed ${seed}: erases of each page ${pages.join(' ')}`);
  assert.ok(Math.max(...pages) > 4, 'expected the offers to be tried');
  assert.equal(flash.erasesOf(profile.layout.slots[0].image.address), 0, 'what runs is never erased');
});
