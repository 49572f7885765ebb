/** Chance as a port gives it. No test proves chance; these find what is none. */

import type { Random } from '@lapel/transport';
import type { Bench, PortCheck } from './check.ts';
import { check, expect, powerCycle } from './check.ts';

/** Of 16 bytes each: enough that a bit which leans to one side shows. */
const draws = 1000;
const drawBytes = 16;

export function randomChecks(bench: Bench): readonly PortCheck[] {
  const random = (name: string, act: (random: Random) => void) =>
    check('random', 'S0-26', name, () => act(bench.board.random));
  return [
    random('chance gives as many bytes as asked for', givesLengths),
    random('chance repeats itself in none of many draws', neverRepeats),
    random('chance has no bit that is stuck or leans to one side', leansNowhere),
    random('a draw is a copy, which later draws leave alone', copies),
    random('a fraction is at least 0 and below 1, and spread between', spreads),
    check(
      'random',
      'S0-26',
      'chance begins in another way after each power cycle',
      bench.reopen === undefined ? undefined : () => beginsAnew(bench),
    ),
  ];
}

function givesLengths(random: Random): void {
  for (const length of [0, 1, 7, 16, 32, 33, 256, 1025]) {
    const found = random.bytes(length);
    expect(found instanceof Uint8Array && found.length === length, `${length} bytes`, found.length);
  }
}

function neverRepeats(random: Random): void {
  const seen = new Set<string>();
  for (let draw = 0; draw < draws; draw++) seen.add(random.bytes(drawBytes).join());
  expect(seen.size === draws, `${draws} draws of ${drawBytes} bytes, each another`, `${seen.size} different`);
}

/** Of 128 fair bits one leaves the middle fifth of 1000 draws about once in thirty million runs. */
function leansNowhere(random: Random): void {
  const ones = Array.from({ length: drawBytes * 8 }, () => 0);
  for (let draw = 0; draw < draws; draw++) {
    random.bytes(drawBytes).forEach((byte, at) => {
      for (let bit = 0; bit < 8; bit++) ones[at * 8 + bit] = (ones[at * 8 + bit] ?? 0) + ((byte >> bit) & 1);
    });
  }
  ones.forEach((count, at) => {
    const isFair = count > draws * 0.4 && count < draws * 0.6;
    expect(isFair, `bit ${at} set in about half of ${draws} draws`, `${count} times`);
  });
}

function copies(random: Random): void {
  const first = random.bytes(drawBytes);
  const text = first.join();
  random.bytes(drawBytes).fill(0);
  random.bytes(drawBytes);
  expect(first.join() === text, 'a draw to stay as it was', 'it changed by a later one');
}

function spreads(random: Random): void {
  const quarters = [0, 0, 0, 0];
  for (let draw = 0; draw < draws; draw++) {
    const fraction = random.fraction();
    expect(fraction >= 0 && fraction < 1, 'a fraction from 0 to below 1', fraction);
    const quarter = Math.floor(fraction * 4);
    quarters[quarter] = (quarters[quarter] ?? 0) + 1;
  }
  const isSpread = quarters.every((count) => count > draws * 0.15);
  expect(isSpread, `about ${draws / 4} of ${draws} fractions in each quarter`, quarters.join(', '));
}

/** A generator that is seeded with the same at each start is found only so. */
async function beginsAnew(bench: Bench): Promise<void> {
  const seen = new Set<string>();
  for (let cycle = 1; cycle <= 3; cycle++) {
    const { random } = await powerCycle(bench);
    seen.add(random.bytes(drawBytes).join());
    expect(seen.size === cycle, 'other first bytes after each power cycle', 'the same again');
  }
}
