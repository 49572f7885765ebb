/** The suite for ports: the simulator's parts pass it, and whoever has one fault fails the check for it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Board, Counter, Region } from '@lapel/device';
import { erasedByte, flashBytes } from '@lapel/device';
import type { PortOptions } from '@lapel/device/port-suite';
import { portReport, portSuite, runPortSuite } from '@lapel/device/port-suite';
import type { NorFlash } from '@lapel/simulator';
import { norFlash, seededRandom, simulatedClock } from '@lapel/simulator';
import type { BrokenPort } from './broken-flash.ts';
import { beside, inside } from './broken-flash.ts';
import { brokenPorts } from './broken-ports.ts';

const geometry = [inside, beside];
const loader: Region = { address: 0, bytes: 256, ...inside };
const scratch: Region = { address: 512, bytes: 384, ...inside };
const scratchBeside: Region = { address: 1024, bytes: 1024, ...beside };

/** A counter in hardware, which is what survives: the register is the caller's. */
const counterOn = (register: { count: number }): Counter => ({
  read: () => register.count,
  raise(to) {
    if (!Number.isSafeInteger(to) || to < register.count) {
      throw new RangeError(`expected a whole number from ${register.count} on, found ${to}`);
    }
    register.count = to;
  },
});

interface Made {
  readonly board: Board;
  readonly options: Required<PortOptions>;
  /** The chip in it, as it is now. */
  chip(): NorFlash;
}

/** The simulator's parts as a board, broken on purpose or not. */
function make(broken: BrokenPort['broken'] = (board) => board): Made {
  const register = { count: 7 };
  const protectedRegions = [loader];
  // Not blank beside the scratch regions: what is erased there by mistake would not show.
  const content = seededRandom(1).bytes(flashBytes(geometry));
  for (const { address, bytes } of [scratch, scratchBeside])
    content.fill(erasedByte, address, address + bytes);
  let flash = norFlash({ geometry, content, protectedRegions });
  let life = 0;
  const boardNow = () =>
    broken(
      {
        flash,
        counter: counterOn(register),
        watchdog: { timeoutMs: 5000, feed: () => {} },
        clock: simulatedClock(),
        random: seededRandom(2).fork(`life ${life}`),
      },
      life,
    );
  const reopen = () => {
    life++;
    flash = norFlash({ geometry, content: flash.dump(), carried: flash.carried(), protectedRegions });
    return boardNow();
  };
  return { board: boardNow(), options: { reopen, protectedRegion: loader }, chip: () => flash };
}

for (const [where, region] of Object.entries({ 'one chip': scratch, 'the chip beside it': scratchBeside })) {
  test(`S0-26: the simulator's parts pass the suite for ports, on ${where}`, async () => {
    const { board, options } = make();
    const results = await runPortSuite(board, region, options);
    assert.match(portReport(results), /\n\d+ passed, 0 failed, 0 not offered$/);
  });
}

for (const [part, ports] of Object.entries(brokenPorts)) {
  for (const { fault, fails, broken } of ports) {
    test(`S0-26: the suite for ports finds ${fault}`, async () => {
      const { board, options } = make(broken);
      const results = await runPortSuite(board, scratch, options);
      const failed = results.filter(({ result }) => result === 'failed');
      const found = failed.find(({ check }) => check.name === fails);
      assert.match(found?.because ?? 'nothing', /^expected .+, found .+$/, portReport(results));
      assert.deepEqual(new Set(failed.map(({ check }) => check.part)), new Set([part]), portReport(results));
    });
  }
}

test('S0-26: of each check of the suite there is a port that fails it', () => {
  const { board, options } = make();
  const wanted = portSuite(board, scratch, options).map(({ name }) => name);
  const failed = new Set<string>(
    Object.values(brokenPorts).flatMap((ports) => ports.map(({ fails }) => fails)),
  );
  assert.deepEqual(
    wanted.filter((name) => !failed.has(name)),
    [],
  );
});

test('X-44: the suite changes nothing but its scratch region, and wears that little', async () => {
  const { board, options, chip } = make();
  const before = chip().dump();
  await runPortSuite(board, scratch, options);
  const after = chip().dump();
  for (const each of [before, after]) each.fill(erasedByte, scratch.address, scratch.address + scratch.bytes);
  assert.deepEqual(after, before);
  const erases = [...Array(scratch.bytes / inside.pageBytes).keys()].map((page) =>
    chip().erasesOf(scratch.address + page * inside.pageBytes),
  );
  assert.ok(Math.max(...erases) <= 30, `expected at most 30 erases of a page, found ${erases.join(', ')}`);
});

test('S0-26: what a board does not have is not offered, and neither passed nor failed', async () => {
  const { flash, clock, random } = make().board;
  const results = await runPortSuite({ flash, clock, random }, scratch);
  assert.equal(results.filter(({ result }) => result === 'failed').length, 0);
  const parts = results.filter(({ result }) => result === 'not offered').map(({ check }) => check.part);
  const wanted = [
    'flash',
    'flash',
    'counter',
    'counter',
    'counter',
    'counter',
    'counter',
    'watchdog',
    'random',
  ];
  assert.deepEqual(parts, wanted);
});

test('S0-26: the checks can be run one by one, in any order, by a test runner of one’s own', async () => {
  const { board, options } = make();
  const checks = portSuite(board, scratch, options);
  for (const { run } of checks.toReversed()) await run?.();
  assert.equal(new Set(checks.map(({ name }) => name)).size, checks.length);
  for (const { requirement } of checks) assert.match(requirement, /^S\d-\d+$/);
});

test('S0-26: a report has a line for each check, with the reason of those that failed', async () => {
  const { board, options } = make(brokenPorts.watchdog[0]?.broken);
  const lines = portReport(await runPortSuite(board, scratch, options)).split('\n');
  const wanted =
    'failed       watchdog  the watchdog has a time above zero, and can be fed at any time (S4-121): ' +
    'expected a number of milliseconds above 0, found 0';
  assert.ok(lines.includes(wanted), lines.join('\n'));
  assert.match(lines.at(-1) ?? '', /^\d+ passed, 1 failed, 0 not offered$/);
});

test('S4-121: while the suite runs, no watchdog waits for more than one use of flash', async () => {
  let hungry = 0;
  let longest = 0;
  const { board, options } = make((whole) => ({
    ...whole,
    watchdog: { timeoutMs: 5000, feed: () => (hungry = 0) },
    flash: {
      ...whole.flash,
      read(address, length) {
        longest = Math.max(longest, ++hungry);
        return whole.flash.read(address, length);
      },
    },
  }));
  await runPortSuite(board, scratch, options);
  assert.equal(longest, 1);
});

test('S0-26: a scratch region of less than three pages, or of parts of pages, is refused', () => {
  const { board } = make();
  for (const wrong of [{ bytes: 256 }, { bytes: 400 }, { address: 516 }, { address: -128 }]) {
    assert.throws(() => portSuite(board, { ...scratch, ...wrong }), RangeError);
  }
});
