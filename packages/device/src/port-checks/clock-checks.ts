/** Time as a port gives it. */

import type { Clock } from '@lapel/transport';
import type { Bench, PortCheck } from './check.ts';
import { check, expect } from './check.ts';

/** How long is slept here, in milliseconds: some hardware counts no finer than in hundredths of a second. */
const nap = 30;

/** What nobody waits for, in milliseconds. */
const tooLong = 60_000;

export function clockChecks(bench: Bench): readonly PortCheck[] {
  const clock = (name: string, act: (clock: Clock) => void | Promise<void>) =>
    check('clock', 'S0-26', name, () => act(bench.board.clock));
  return [
    clock('the monotonic clock never falls', neverFalls),
    clock('a sleep lasts at least as long as was asked, on the monotonic clock', sleeps),
    clock('a sleep whose signal fires ends with its reason', isWoken),
    clock('a wall clock that is trusted counts milliseconds since 1970', tellsTheTime),
  ];
}

function neverFalls(clock: Clock): void {
  let last = clock.monotonicMs();
  expect(Number.isFinite(last), 'a number of milliseconds', last);
  for (let reading = 0; reading < 10_000; reading++) {
    const now = clock.monotonicMs();
    expect(now >= last, `no less than ${last} ms`, `${now} ms`);
    last = now;
  }
}

async function sleeps(clock: Clock): Promise<void> {
  for (const ms of [0, 1, nap]) {
    const before = clock.monotonicMs();
    await clock.sleep(ms);
    const passed = clock.monotonicMs() - before;
    // Timers and clocks of one machine may be rounded in different directions.
    expect(passed > ms - 1, `a sleep of at least ${ms} ms`, `${passed} ms`);
  }
}

async function isWoken(clock: Clock): Promise<void> {
  const reason = new Error('the reason of the signal');
  const controller = new AbortController();
  const sleepsOn = () =>
    clock.sleep(tooLong, controller.signal).then(
      () => 'a sleep to its end',
      (error: unknown) => error,
    );
  const woken = sleepsOn();
  await clock.sleep(1);
  controller.abort(reason);
  const neverSlept = sleepsOn();
  const patience = clock.sleep(nap).then(() => 'a sleep that goes on');
  for (const sleep of [woken, neverSlept]) {
    const found = await Promise.race([sleep, patience]);
    expect(found === reason, 'the reason of the signal', found);
  }
}

function tellsTheTime(clock: Clock): void {
  const now = clock.wallMs();
  expect(typeof clock.wallIsTrusted === 'boolean', 'whether the wall clock is trusted', clock.wallIsTrusted);
  if (!clock.wallIsTrusted) return;
  // A clock that counts seconds, or from the start of the device, is far off.
  const year = (number: number) => Date.UTC(number, 0, 1);
  const isSane = now > year(2024) && now < year(2200);
  expect(isSane, 'a time between 2024 and 2200, in milliseconds since 1970', now);
}
