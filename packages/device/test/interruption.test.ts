/** An update that takes the service away says so before, may be asked to wait, and is measured after. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Flash, Profile } from '@lapel/device';
import { class1, class1DeleteFirst, class1Overwrite, class1Swap, secureNormal } from '@lapel/device';
import type { Release, Wanted } from '@lapel/simulator';
import { simulatedClock, workshop } from '@lapel/simulator';
import type { Handler } from '@lapel/transport';
import type { Living } from './lives.ts';
import { chipOf, lives, slotsIn, startsOf } from './lives.ts';

const made = workshop(7);
const imagePages = 8;

async function released(profile: Profile, sequence: number, bytes: number): Promise<Release> {
  const mains = profile.layout.components.filter(({ role }) => role !== 'recovery');
  const [first, ...rest] = mains.map(({ identifier }): Wanted => [identifier, bytes]);
  return made.release(sequence, first ?? assert.fail('expected a component'), ...rest);
}

async function deviceOf(profile: Profile) {
  const helper = profile.layout.components.find(({ role }) => role === 'recovery');
  const helpers = helper === undefined ? [] : [await made.release(1, [helper.identifier, 4001])];
  return made.device(profile, [await released(profile, 1, 9001), ...helpers]);
}

test('S3-42: the application is told how long it will be away before anything is interrupted', async () => {
  for (const make of [class1, class1Overwrite, class1Swap, class1DeleteFirst, secureNormal]) {
    const profile = make({ imagePages });
    const flash = chipOf(profile, await deviceOf(profile));
    const notices: number[] = [];
    const order: string[] = [];
    const { order: seen } = await lives({
      profile,
      flash,
      offers: [await released(profile, 2, 10_007)],
      async onInterruption({ expectedMs }) {
        notices.push(expectedMs);
        order.push('asked');
        return 'go';
      },
      onStep: (step) => void (step === 'restarting' && order.push(step)),
    });
    // Each restart is announced: a device that deletes first restarts twice.
    assert.deepEqual(
      order,
      notices.flatMap(() => ['asked', 'restarting']),
      profile.name,
    );
    assert.equal(notices.length, make === class1DeleteFirst ? 2 : 1, profile.name);
    assert.ok(notices.every((ms) => ms > 0));
    const told = seen.filter((each) => /interruption|installing|restarting/.test(each));
    const once = ['interruption-announced', 'tells installing', 'restarting'];
    assert.deepEqual(
      told,
      notices.flatMap(() => once),
      profile.name,
    );
  }
});

test('S3-42: while an update arrives the service is up, and told of nothing', async () => {
  const profile = class1({ imagePages });
  const flash = chipOf(profile, await deviceOf(profile));
  const { order } = await lives({
    profile,
    flash,
    offers: [await released(profile, 2, 10_007)],
    onInterruption: async () => 'go',
  });
  const first = order.indexOf('interruption-announced');
  assert.deepEqual(order.slice(order.indexOf('staged'), first), ['staged', 'reports']);
});

/** A link that counts what it hands out. */
function counting() {
  let handed = 0;
  const link =
    (upstream: Handler): Handler =>
    async (asked) => {
      handed++;
      return upstream(asked);
    };
  return { link, handed: () => handed };
}

test('S3-42: an application may ask for a better time; until then nothing restarts', async () => {
  const profile = class1({ imagePages });
  const flash = chipOf(profile, await deviceOf(profile));
  const { link, handed } = counting();
  let asked = 0;
  const clock = simulatedClock();
  const times: number[] = [];
  const { decisions, steps } = await lives({
    profile,
    flash,
    offers: [await released(profile, 2, 10_007)],
    link,
    clock,
    async onInterruption() {
      times.push(clock.monotonicMs());
      if (++asked === 4) return 'go';
      assert.deepEqual(slotsIn(profile, flash), ['confirmed 1', 'staged 2']);
      return 'later';
    },
  });
  assert.equal(startsOf({ decisions }), '0 1t');
  assert.equal(handed(), 1, 'the payload is fetched once');
  assert.equal(steps.filter(([step]) => step === 'restarting').length, 1);
  assert.ok(steps.every(([step]) => step !== 'failed'));
  // It is asked again after a while, not at once, and ever more patiently.
  const waits = times.slice(1).map((at, index) => at - (times[index] ?? 0));
  assert.ok(
    waits.every((ms) => ms >= 30_000),
    waits.join(' '),
  );
});

test('S3-42: the update waits through a restart that comes for another reason', async () => {
  const profile = class1({ imagePages });
  const flash = chipOf(profile, await deviceOf(profile));
  const offers = [await released(profile, 2, 10_007)];
  const { link, handed } = counting();
  const later: Living = {
    profile,
    flash,
    offers,
    link,
    async onInterruption() {
      throw new Error('the power went');
    },
  };
  await assert.rejects(lives(later), /the power went/);
  assert.deepEqual(slotsIn(profile, flash), ['confirmed 1', 'staged 2']);
  assert.equal(startsOf(await lives({ profile, flash, offers, link })), '0 1t');
  assert.equal(handed(), 1);
});

test('S3-42: an application that never answers keeps no update away', async () => {
  const profile = class1({ imagePages });
  const flash = chipOf(profile, await deviceOf(profile));
  const clock = simulatedClock();
  const { decisions } = await lives({
    profile,
    flash,
    offers: [await released(profile, 2, 10_007)],
    clock,
    onInterruption: () => new Promise<never>(() => undefined),
  });
  assert.equal(startsOf({ decisions }), '0 1t');
  assert.deepEqual(slotsIn(profile, flash), ['confirmed 1', 'confirmed 2']);
});

/** Flash that takes its time, as the profile's figures have it. */
function slow(flash: Flash, { timing }: Profile, advance: (ms: number) => void): Flash {
  return {
    geometry: flash.geometry,
    read(address, length) {
      advance((length / 1024) * timing.hashMsPerKiB);
      return flash.read(address, length);
    },
    program(address, bytes) {
      advance((bytes.length / 1024) * timing.programMsPerKiB);
      flash.program(address, bytes);
    },
    erase(address) {
      advance(timing.eraseMsPerPage);
      flash.erase(address);
    },
  };
}

test('S3-45: what a restart took is told in the next check-in, and near what was announced', async () => {
  for (const make of [class1, class1Overwrite, class1Swap, secureNormal]) {
    const profile = make({ imagePages });
    const chip = chipOf(profile, await deviceOf(profile));
    const clock = simulatedClock();
    const flash = slow(chip, profile, (ms) => clock.advance(ms));
    const notices: number[] = [];
    const { statuses, steps } = await lives({
      profile,
      flash,
      offers: [await released(profile, 2, 10_007)],
      clock,
      onInterruption: async ({ expectedMs }) => (notices.push(expectedMs), 'go'),
    });
    const { downtimeMs = 0, expectedDowntimeMs } = statuses.at(-1) ?? assert.fail('expected a check-in');
    assert.equal(expectedDowntimeMs, notices[0], profile.name);
    // What flash does not tell: a reset, and each signature.
    const { resetMs, signatureMs } = profile.timing;
    const proofs = make === class1Overwrite || make === class1Swap ? 2 : 1;
    const measuredMs = downtimeMs + resetMs + proofs * signatureMs;
    const share = measuredMs / (expectedDowntimeMs ?? 0);
    assert.ok(share > 0.7 && share < 1.5, `${profile.name}: ${measuredMs} of ${expectedDowntimeMs} ms`);
    assert.ok(steps.some(([step, detail]) => step === 'service-resumed' && detail?.startsWith('after ')));
    // A check-in before the update tells of none.
    assert.equal(statuses[0]?.downtimeMs, undefined);
  }
});

test('S3-45: with two slots the service is away for one start, whatever the size of flash', async () => {
  const small = class1({ imagePages });
  const large = class1({ imagePages: 32 });
  const downtimes = [];
  for (const profile of [small, large]) {
    const flash = chipOf(profile, await deviceOf(profile));
    const notices: number[] = [];
    await lives({
      profile,
      flash,
      offers: [await released(profile, 2, 10_007)],
      onInterruption: async ({ expectedMs }) => (notices.push(expectedMs), 'go'),
    });
    downtimes.push(...notices);
  }
  const { resetMs, signatureMs, hashMsPerKiB } = small.timing;
  const oneStart = Math.round(resetMs + signatureMs + (10_007 / 1024) * hashMsPerKiB);
  assert.deepEqual(downtimes, [oneStart, oneStart]);
});
