/** What a manifest asks of the world, asked of a real device: expiry, battery, consent, versions. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Conditions, Flash } from '@lapel/device';
import { boot } from '@lapel/device';
import type { NorFlash } from '@lapel/simulator';
import { perform, set, simulatedClock } from '@lapel/simulator';
import type { Command } from '@lapel/suit';
import { strict } from '@lapel/suit';
import type { Trying } from './attempt.ts';
import { attempt, changed, hourMs, made, outcome, startSeconds } from './attempt.ts';
import { newImage } from './life.ts';
import { resigned } from './resigned.ts';
import { bootedSlot, flashOf } from './world.ts';

const expiring = (limit: number): readonly Command[] => [
  set({ useBefore: limit }),
  perform('condition-use-before'),
];

test('S4-74, X-03, U01, U02: an update that has expired is refused before anything is fetched', async () => {
  const envelope = changed({ before: { install: expiring(startSeconds + 3600) } });
  assert.equal(await outcome(envelope), 'installed');
  const clock = simulatedClock();
  clock.advance(hourMs);
  const { steps, payloads } = await attempt(envelope, { clock });
  assert.match(steps.at(-1)?.[1] ?? '', /expected a time before 1767229200, found 1767229200$/);
  assert.equal(payloads, 0);
});

test('S4-74: without a trusted clock the policy says whether an expiring update is installed', async () => {
  const envelope = changed({ before: { install: expiring(startSeconds + 3600) } });
  assert.match(
    await outcome(envelope, { isTrusted: false }),
    /expected a clock that is trusted, found none$/,
  );
  const lenient = { ...made.profile, policy: { ...strict, acceptsExpiryWithoutClock: true } };
  assert.equal(await outcome(envelope, { isTrusted: false, profile: lenient }), 'installed');
});

test('S4-41, S4-74: what was installed in time boots for ever, expired or not', async () => {
  const expiry = expiring(startSeconds + 3600);
  const everywhere = changed({ shared: expiry, before: { validate: expiry, invoke: expiry } });
  for (const envelope of [everywhere, changed({ before: { validate: expiring(startSeconds + 1) } })]) {
    const { flash } = await attempt(envelope);
    assert.equal(bootedSlot(made, flash), '1 on trial');
    const clock = simulatedClock();
    clock.advance(1000 * hourMs);
    assert.match(await outcome(envelope, { clock }), /expected a time before/);
  }
  // Not even one that was never in time.
  assert.match(await outcome(changed({ before: { validate: expiring(0) } })), /expected a time before 0/);
});

test('X-22, S4-144, U05: too low a battery refuses an update before anything is fetched', async () => {
  const battery = [set({ minimumBattery: 500 }), perform('condition-minimum-battery')];
  const envelope = changed({ before: { install: battery } });
  const left = (mWh: number): Trying => ({ conditions: { batteryMilliwattHours: async () => mWh } });
  assert.equal(await outcome(envelope, left(500)), 'installed');
  const { steps, payloads, flash } = await attempt(envelope, left(499));
  assert.match(steps.at(-1)?.[1] ?? '', /expected a battery with 500 mWh, found 499$/);
  assert.equal(payloads, 0);
  assert.equal(bootedSlot(made, flash), '0');
  assert.match(await outcome(envelope), /expected a battery with 500 mWh, found none$/);
});

const asking = [set({ updatePriority: 3 }), perform('condition-update-authorized')];

test('X-22: an update that asks is installed where the application allows it, else refused', async () => {
  const envelope = changed({ before: { install: asking } });
  const priorities: number[] = [];
  const answers = (answer: 'yes' | 'no'): Trying => ({
    conditions: { authorize: async (priority) => (priorities.push(priority), answer) },
  });
  assert.equal(await outcome(envelope, answers('yes')), 'installed');
  assert.match(await outcome(envelope, answers('no')), /^failed: .* of priority 3, found it refused$/);
  assert.match(await outcome(envelope), /^failed: .* of priority 3, found it refused$/);
  assert.deepEqual(priorities, [3, 3]);
  const hangs: Conditions = { authorize: () => new Promise(() => undefined) };
  assert.match(await outcome(envelope, { conditions: hangs }), /^failed: .* found it refused$/);
});

test('S4-64: an application that asks for a later time puts the update off, and none is told', async () => {
  const envelope = changed({ before: { install: asking } });
  const later: Conditions = { authorize: async () => 'later' };
  const { steps, reports, payloads } = await attempt(envelope, { conditions: later, isOffered: true });
  assert.deepEqual([steps.at(-1)?.[0], reports, payloads], ['postponed', 0, 0]);
  const denied = await attempt(envelope, { conditions: { authorize: async () => 'no' }, isOffered: true });
  assert.deepEqual([denied.steps.at(-1)?.[0], denied.reports, denied.payloads], ['failed', 1, 0]);
});

test('X-29, U03, U04: an update names the versions that it may be installed over', async () => {
  const old = flashOf(made);
  const first = await attempt(changed({ setVersion: [1, 4, 2] }), { flash: old });
  assert.equal(bootedSlot(made, first.flash), '1 on trial');
  const next = await made.release(newImage.subarray(1), 3);
  const over = (comparison: 'greater-or-equal' | 'lesser', version: readonly number[]): Promise<string> => {
    const match = set({ version: [comparison, version] });
    const install = [match, perform('condition-version')];
    const flash = flashOf(made, first.flash.dump());
    const envelope = resigned(made, next, { before: { install }, setVersion: [2, 0] });
    return versionOutcome(envelope, flash);
  };
  assert.equal(await over('greater-or-equal', [1, 4]), 'allowed');
  assert.equal(await over('lesser', [1, 10]), 'allowed');
  assert.match(
    await over('greater-or-equal', [1, 5]),
    /expected a version greater or equal 1.5, found 1.4.2$/,
  );
  assert.match(await over('lesser', [1, 4, 2]), /expected a version lesser 1.4.2, found 1.4.2$/);
  // The factory's firmware does not say what it is.
  const unknown = [set({ version: ['lesser', [9]] }), perform('condition-version')];
  assert.match(await outcome(changed({ before: { install: unknown } })), /expected a version .* found none$/);
});

/** Nobody serves this image: an update that gets as far as asking for it was allowed. */
async function versionOutcome(envelope: Uint8Array, flash: NorFlash): Promise<string> {
  const { steps, payloads } = await attempt(envelope, { flash });
  return payloads > 0 ? 'allowed' : `${steps.at(-1)?.[1]}`;
}

test('X-89: metadata that a slot cannot keep is refused, and a regular file is what a slot is', async () => {
  const described = (componentMetadata: Parameters<typeof set>[0]['componentMetadata']): Promise<string> =>
    outcome(changed({ before: { install: [set({ componentMetadata: componentMetadata ?? {} })] } }));
  assert.equal(await described({ fileType: 'regular' }), 'installed');
  const found = /expected a component without metadata, as slots keep none, found/;
  assert.match(await described({ creator: 'root' }), found);
  assert.match(await described({ fileType: 'symbolic-link' }), found);
  assert.match(await described({ fileType: 'directory' }), found);
  assert.match(await described({ defaultPermissions: 0x1ff }), found);
});

test('S4-45: what asks for an application is refused while booting, and costs only the update', async () => {
  const before = { validate: asking };
  const flash: Flash = (await attempt(changed({ before }), { conditions: { authorize: async () => 'yes' } }))
    .flash;
  const decision = boot(flash, made.profile);
  assert.equal(decision.boot === 'slot' && decision.slot, 0);
  assert.match(decision.reason, /expected no authorize while booting, found one/);
});
