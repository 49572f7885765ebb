/** The counter that never falls, and the watchdog. */

import type { Counter } from '../hardware.ts';
import type { Watchdog } from '../watchdog.ts';
import type { Bench, PortCheck } from './check.ts';
import { check, expect, powerCycle, refusal } from './check.ts';

/** All of them together take five steps of the counter: fuses are few. */
export function counterChecks(bench: Bench): readonly PortCheck[] {
  const isOffered = bench.board.counter !== undefined;
  const counter = (name: string, act: (counter: Counter) => void) =>
    check('counter', 'S4-40', name, isOffered ? () => act(counterOf(bench)) : undefined);
  return [
    counter('the counter is a whole number, the same in each reading', readsSteadily),
    counter('the counter rises to the number that it is raised to, by one or by more', rises),
    counter('the counter does not fall, and raised to what it is it stays', refusesLower),
    counter('the counter refuses what is no whole number', refusesNoNumber),
    check(
      'counter',
      'S4-40',
      'the counter is the same after a power cycle',
      isOffered && bench.reopen !== undefined ? () => survives(bench) : undefined,
    ),
  ];
}

function counterOf({ board: { counter } }: Bench): Counter {
  expect(counter !== undefined, 'a counter after each power cycle', 'none');
  return counter;
}

function readsSteadily(counter: Counter): void {
  const first = counter.read();
  expect(Number.isSafeInteger(first) && first >= 0, 'a whole number from 0 on', first);
  for (let reading = 0; reading < 100; reading++) expectCount(counter, first, 'in each reading');
}

function rises(counter: Counter): void {
  const first = counter.read();
  for (const to of [first + 1, first + 3]) {
    counter.raise(to);
    expectCount(counter, to, `after a raise to ${to}`);
  }
}

function refusesLower(counter: Counter): void {
  const to = counter.read() + 1;
  counter.raise(to);
  counter.raise(to);
  expectCount(counter, to, 'after it was raised to the same again');
  for (const lower of [to - 1, 0]) {
    refusal(`the counter is ${to} and would fall to ${lower}`, () => counter.raise(lower));
    expectCount(counter, to, 'after it was to fall');
  }
}

function refusesNoNumber(counter: Counter): void {
  const first = counter.read();
  for (const wrong of [-1, first + 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    refusal(`the counter would become ${wrong}`, () => counter.raise(wrong));
    expectCount(counter, first, `after a raise to ${wrong}`);
  }
}

async function survives(bench: Bench): Promise<void> {
  const to = counterOf(bench).read() + 1;
  counterOf(bench).raise(to);
  for (let cycle = 0; cycle < 2; cycle++) {
    await powerCycle(bench);
    expectCount(counterOf(bench), to, 'after a power cycle');
  }
}

function expectCount(counter: Counter, wanted: number, when: string): void {
  const found = counter.read();
  expect(found === wanted, `${wanted} ${when}`, found);
}

/** That it bites can only be seen from outside: whoever runs these checks would be gone. */
export function watchdogChecks(bench: Bench): readonly PortCheck[] {
  const isOffered = bench.board.watchdog !== undefined;
  const run = () => isFed(bench.board.watchdog);
  const name = 'the watchdog has a time above zero, and can be fed at any time';
  return [check('watchdog', 'S4-121', name, isOffered ? run : undefined)];
}

function isFed(watchdog: Watchdog | undefined): void {
  expect(watchdog !== undefined, 'a watchdog after each power cycle', 'none');
  const { timeoutMs } = watchdog;
  expect(Number.isFinite(timeoutMs) && timeoutMs > 0, 'a number of milliseconds above 0', timeoutMs);
  for (let meal = 0; meal < 100; meal++) watchdog.feed();
}
