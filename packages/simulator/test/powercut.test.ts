/** The power-cut proof can fail: in worlds that are broken on purpose it finds what is wrong. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BootDecision, Flash, Region } from '@lapel/device';
import { boot } from '@lapel/device';
import { norFlash } from '../src/flash.ts';
import { emptyTally, singles, whole } from '../src/powercut-campaign.ts';
import { Coverage } from '../src/powercut-coverage.ts';
import type { Memory } from '../src/powercut-judge.ts';
import { judgeBoot, judgeEnd, judgeFlash } from '../src/powercut-judge.ts';
import { UsageError, optionsFrom } from '../src/powercut-options.ts';
import { planned } from '../src/powercut-plan.ts';
import { linesOf } from '../src/powercut-report.ts';
import type { Scenario } from '../src/powercut-scenario.ts';
import { scenariosOf, small, usual } from '../src/powercut-scenarios.ts';
import { cutKinds, survive } from '../src/powercut.ts';

const seed = 1;
const [update, sick, crash, , later, recovery] = await scenariosOf('class1', seed, small);
assert.ok(update !== undefined && sick !== undefined && crash !== undefined);
assert.ok(later !== undefined && recovery?.brought !== undefined);
const { layout } = update.profile;

const newMemory = (): Memory => ({ floors: new Map(), ran: new Map(), trials: 0 });

const inside = (address: number, ...regions: readonly Region[]) =>
  regions.some((region) => address >= region.address && address < region.address + region.bytes);

/** What single cuts find, until they have found something. */
async function foundIn(scenario: Scenario): Promise<string> {
  const tally = emptyTally();
  const run = { seed, tally, coverage: new Coverage(), hasTime: () => tally.findings.length === 0 };
  await singles(scenario, await whole(scenario, run), run);
  return tally.findings.flatMap(({ violations }) => violations).join('; ');
}

/** A flash whose programs pass through the hands of somebody. */
const wired =
  (program: (flash: Flash, address: number, bytes: Uint8Array) => void) =>
  (flash: Flash): Flash => ({
    geometry: flash.geometry,
    read: (address, length) => flash.read(address, length),
    erase: (address) => flash.erase(address),
    program: (address, bytes) => program(flash, address, bytes),
  });

const dropping = (type: number) =>
  wired((flash, address, bytes) => {
    if (!(inside(address, ...layout.journal) && bytes[2] === type)) flash.program(address, bytes);
  });

const [running, spare] = layout.slots;

const broken: Readonly<Record<string, (flash: Flash) => Flash>> = {
  'the journal drops what is confirmed': dropping(6),
  'the journal drops that a slot is being overwritten': dropping(1),
  'attempts are not counted': dropping(5),
  'a page of the image is lost': wired((flash, address, bytes) => {
    if (address !== spare.image.address) flash.program(address, bytes);
  }),
  'the loader is written': wired((flash, address, bytes) => {
    if (inside(address, spare.image)) flash.erase(layout.loader.address);
    flash.program(address, bytes);
  }),
  'what is written to the new slot lands in the old one too': wired((flash, address, bytes) => {
    flash.program(address, bytes);
    if (!inside(address, spare.image)) return;
    const other = running.image.address + address - spare.image.address;
    flash.erase(other);
    flash.program(other, bytes);
  }),
};

for (const [name, wire] of Object.entries(broken)) {
  test(`S4-41: the proof sees it where ${name}`, async () => {
    const scenario = name.startsWith('attempts') ? crash : update;
    assert.notEqual(await foundIn({ ...scenario, wire }), '');
  });
}

test('S4-41: the proof finds nothing wrong with the device as it is', async () => {
  for (const scenario of [update, sick, crash, later, recovery]) {
    assert.deepEqual((await survive(scenario, [], seed)).violations, [], scenario.name);
  }
});

test('S4-46: the proof sees a recovery that is not finished', async () => {
  assert.ok(recovery.brought !== undefined);
  const brought = { ...recovery.brought, image: recovery.brought.image.subarray(1) };
  const { violations, isBricked } = await survive({ ...recovery, brought }, [], seed);
  assert.match(violations.join('; '), /expected the device to be recovered, found it refused/);
  assert.match(violations.join('; '), /expected 4 confirmed and to run, found/);
  assert.ok(isBricked);
});

test('S4-41: the proof sees one flipped bit in a confirmed image, and another loader', () => {
  const { content } = update.factory;
  assert.deepEqual(judgeFlash(update, content, newMemory()), []);
  const flipped = (at: number) => content.map((byte, index) => (index === at ? byte ^ 1 : byte));
  assert.deepEqual(judgeFlash(update, flipped(running.image.address + 5), newMemory()), [
    'expected slot 0 to match its manifest, found confirmed and another image',
    'expected a confirmed image, found confirmed 1, empty',
  ]);
  assert.deepEqual(judgeFlash(update, flipped(layout.loader.address), newMemory()), [
    'expected loader and trust store as made, found others',
  ]);
});

test('S4-41: the proof sees a floor that has fallen, and an update that did not end', () => {
  const { content } = update.factory;
  const memory = { ...newMemory(), floors: new Map([['00', 2]]) };
  assert.deepEqual(judgeFlash(update, content, memory), ['expected floor 2 of 00, found 1']);
  assert.deepEqual(judgeEnd(update, content, undefined), [
    'expected 2 confirmed and to run, found confirmed 1, empty, floor 1, and nothing to run',
  ]);
});

/** What the bootloader makes of a device, and the flash as it is then. */
function booted({ factory, profile }: Scenario): readonly [BootDecision, Uint8Array] {
  const flash = norFlash({ geometry: profile.layout.geometry, ...factory });
  const decision = boot(flash, profile);
  return [decision, flash.dump()];
}

test('S4-41: the proof sees a start of an image that nobody signed, and a device that does not start', () => {
  const [decision, content] = booted(update);
  assert.deepEqual(judgeBoot(update, decision, content, newMemory()), []);
  assert.deepEqual(judgeBoot({ ...update, releases: [] }, decision, content, newMemory()), [
    'expected a signed image in slot 0, found confirmed',
  ]);
  const nothing = { boot: 'nothing', reason: 'no slot verifies' } as const;
  assert.deepEqual(judgeBoot(update, nothing, content, newMemory()), [
    'expected a bootable image, found no slot verifies',
  ]);
  assert.deepEqual(judgeBoot(recovery, nothing, content, newMemory()), []);
});

test('S4-41: the proof sees it where what once ran confirmed gives way to something older', () => {
  const [decision, content] = booted(update);
  const memory = { ...newMemory(), ran: new Map([['00', 2]]) };
  assert.deepEqual(judgeBoot(update, decision, content, memory), [
    'expected 2 or a later one to run, found 1 confirmed',
  ]);
});

test('S4-102: the proof sees an update of two components that runs in part', async () => {
  // Of releases 3 and 4 each has brought one component; 4 is said to have brought both.
  const used = (await scenariosOf('secure-normal', seed, small))[5];
  assert.ok(used !== undefined);
  const [decision, content] = booted(used);
  assert.deepEqual(judgeBoot(used, decision, content, newMemory()), []);
  const third = used.releases.find(({ sequence }) => sequence === 3);
  const releases = used.releases.map((release) =>
    release.sequence === 4
      ? { ...release, images: new Map([...release.images, ...(third?.images ?? [])]) }
      : release,
  );
  assert.deepEqual(judgeBoot({ ...used, releases }, decision, content, newMemory()), [
    'expected no update in part, found 4 and 3',
  ]);
});

test('S4-41: a place and a seed say all of a life, so that a finding can be replayed', async () => {
  for (const kind of cutKinds) {
    const places = [
      { operation: 20, kind },
      { operation: 3, kind, draw: 1 },
    ] as const;
    const life = await survive(crash, places, seed);
    assert.equal(life.cuts, 2);
    assert.deepEqual(await survive(crash, places, seed), life);
  }
});

test('S4-41: a finding prints the command that has it again', async () => {
  const options = optionsFrom(['--profile', 'class1', '--scenario', 'crash', '--small', '--granule', '16']);
  assert.ok(options !== undefined);
  const [job] = await planned({ ...options, seconds: 0 });
  assert.ok(job !== undefined);
  const places = [
    { operation: 12, kind: 'metastable', draw: 2 },
    { operation: 3, kind: 'before' },
  ] as const;
  const readFaults = [{ address: 4096, until: 'read' }] as const;
  const finding = { scenario: 'crash', places, readFaults, violations: ['expected one, found another'] };
  const lines = linesOf(job, { ...emptyTally(), findings: [finding] }, seed);
  assert.deepEqual(lines.slice(1), [
    '  expected one, found another',
    "  again: npm run powercut -- --profile class1 --scenario 'crash' --seed 1 --cut 12:metastable:2" +
      ' --cut 3:before --fault 4096:read --granule 16 --small',
  ]);
  const again = lines[2]?.split(' -- ')[1]?.replaceAll("'", '').split(' ');
  const parsed = optionsFrom(again ?? []);
  assert.deepEqual(parsed?.cuts, places);
  assert.deepEqual(parsed?.faults, readFaults);
});

for (const args of ['--profile nix', '--seconds x', '--cut 3', '--cut 3:before', '--granule 3', '--torn 3']) {
  test(`S4-41: ${args} is a mistake of whoever types it`, () => {
    assert.throws(() => optionsFrom(args.split(' ')), UsageError);
  });
}

test('S4-41: a download goes on where what was just written cannot be read back', async () => {
  const [large] = await scenariosOf('class1', seed, usual);
  assert.ok(large !== undefined);
  const address = large.profile.layout.slots[1].image.address + 4096;
  for (const until of ['read', 'never'] as const) {
    const { violations } = await survive(large, [], seed, { readFaults: [{ address, until }] });
    assert.deepEqual(violations, [], until);
  }
});
