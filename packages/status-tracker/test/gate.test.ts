import assert from 'node:assert/strict';
import test from 'node:test';
import { drawEnd, draw, waveOf } from '../src/policy/draw.ts';
import type { Gate } from '../src/policy/gate.ts';
import { failuresToHalt, successesToGo, weigh } from '../src/policy/gate.ts';

/** Mulberry32: chance that is the same in every run. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const gate: Gate = { tolerated: 20, bad: 200, falseHalt: 10, falseGo: 50 };
const waves = 3;
const devicesMax = 1_000;

interface Rollout {
  readonly end: 'halt' | 'go' | 'neither';
  readonly devices: number;
}

/**
 * Devices are offered as many at a time as are needed, and answer in any order: those that fail do so with a
 * probability of their own, late ones last.
 */
function rollOut(next: () => number, rate: number, goes: boolean): Rollout {
  let [confirmed, failed, devices] = [0, 0, 0];
  while (devices < devicesMax) {
    const batch = Math.max(1, Math.min(100, weigh(gate, { confirmed, failed, inFlight: 0 }, waves).needed));
    devices += batch;
    const ends = Array.from({ length: batch }, () => next() < rate);
    for (let left = batch - 1; left >= 0; left--) {
      // The worst order for whoever counts as answers come: failures first.
      const failure = ends.indexOf(true);
      const [end] = ends.splice(failure < 0 ? 0 : failure, 1);
      if (end === true) failed += 1;
      else confirmed += 1;
      const { halt, go } = weigh(gate, { confirmed, failed, inFlight: left }, waves);
      if (halt) return { end: 'halt', devices };
      if (go && goes) return { end: 'go', devices };
    }
  }
  return { end: 'neither', devices };
}

function simulate(seed: number, rate: number, runs: number, goes = true) {
  const next = chance(seed);
  const all = Array.from({ length: runs }, () => rollOut(next, rate, goes));
  const share = (end: Rollout['end']) => all.filter((each) => each.end === end).length / runs;
  return {
    halt: share('halt'),
    go: share('go'),
    devices: all.reduce((sum, { devices }) => sum + devices, 0) / runs,
  };
}

test('S4-133: a tolerable firmware is halted no more often than written, however long one looks', () => {
  const { halt } = simulate(1, gate.tolerated / 1000, 1_500, false);
  // Shared among three waves; three standard deviations of the measurement are allowed for.
  assert.ok(halt <= 0.01 / 3 + 0.0045, `${halt}`);
  assert.ok(simulate(2, 0.005, 500, false).halt <= 0.01 / 3);
});

test('S4-133: a bad firmware passes no more often than written, and is halted after a few devices', () => {
  const bad = simulate(3, gate.bad / 1000, 4_000);
  assert.ok(bad.go <= 0.05 + 0.01, `${bad.go}`);
  assert.ok(bad.go + bad.halt === 1);
  assert.ok(bad.devices < 40, `${bad.devices}`);
  const dead = simulate(4, 1, 200);
  assert.deepEqual([dead.halt, dead.go], [1, 0]);
  assert.ok(dead.devices <= successesToGo(gate), `${dead.devices}`);
});

test('S4-133: silence for too long is a failure: what kills its devices halts like what says so', () => {
  // Given up by the planner, they are among the failed; until then they are in flight and open no wave.
  const silent = { confirmed: 0, failed: 0, inFlight: 15 };
  assert.deepEqual(weigh(gate, silent, waves), { halt: false, go: false, needed: 15 });
  assert.equal(weigh(gate, { ...silent, failed: 15, inFlight: 0 }, waves).halt, true);
});

test('a few liars can not halt a campaign: fewer than the stated number of devices never do', () => {
  const least = failuresToHalt(gate, waves);
  assert.equal(least, 3);
  for (let failed = 0; failed < least; failed++) {
    for (const confirmed of [0, 1, 50]) {
      assert.equal(weigh(gate, { confirmed, failed, inFlight: 0 }, waves).halt, false);
    }
  }
});

test('liars that are no more than the tolerated share halt no more often than a tolerable firmware', () => {
  const next = chance(5);
  const fleet = Array.from({ length: 250 }, (_, index) => index);
  const liars = 5;
  let halted = 0;
  const runs = 1_000;
  for (let run = 0; run < runs; run++) {
    // They chose who they are before the campaign drew its id.
    const campaign = Math.floor(next() * 1e9).toString(16);
    const order = fleet.map((device) => ({ device, place: draw(campaign, `lamp-${device}`) }));
    order.sort((a, b) => a.place - b.place);
    let [confirmed, failed] = [0, 0];
    for (const { device } of order.slice(0, 200)) {
      if (device < liars) failed += 1;
      else confirmed += 1;
      if (!weigh(gate, { confirmed, failed, inFlight: 0 }, waves).halt) continue;
      halted += 1;
      break;
    }
  }
  assert.ok(halted / runs <= 0.01 / 3 + 0.0055, `${halted / runs}`);
});

test('where no failure is tolerated, the first one halts; where bad means always, one success goes', () => {
  const strict = { ...gate, tolerated: 0 };
  assert.equal(weigh(strict, { confirmed: 500, failed: 1, inFlight: 0 }, waves).halt, true);
  assert.equal(weigh(strict, { confirmed: 500, failed: 0, inFlight: 0 }, waves).go, true);
  const brick = { ...gate, bad: 1000 };
  assert.deepEqual(weigh(brick, { confirmed: 1, failed: 0, inFlight: 0 }, waves), {
    halt: false,
    go: true,
    needed: 0,
  });
  assert.deepEqual(weigh(brick, { confirmed: 1, failed: 3, inFlight: 0 }, waves).halt, false);
  const both = { ...gate, tolerated: 0, bad: 1000 };
  assert.deepEqual(weigh(both, { confirmed: 3, failed: 1, inFlight: 2 }, waves).halt, true);
  assert.deepEqual(weigh(both, { confirmed: 3, failed: 1, inFlight: 2 }, waves).go, false);
});

test('waves are shares of the draw, and a device works out the same wave as the tracker', () => {
  const shares = [10, 100, 1000];
  const counts = [0, 0, 0];
  for (let device = 0; device < 20_000; device++) {
    const wave = waveOf(draw('c1', `lamp-${device}`), shares);
    counts[wave] = (counts[wave] ?? 0) + 1;
  }
  assert.ok(Math.abs(counts[0]! - 200) < 60 && Math.abs(counts[1]! - 1_800) < 200, counts.join(' '));
  assert.equal(waveOf(0, shares), 0);
  assert.equal(waveOf(drawEnd - 1, shares), 2);
});
