/** Ports with one fault each, as drivers and boards have them, and the check that is meant for it. */

import type { Board } from '@lapel/device';
import { seededRandom } from '@lapel/simulator';
import type { BrokenPort } from './broken-flash.ts';
import { brokenFlashes } from './broken-flash.ts';

const part = (
  fault: string,
  fails: string,
  change: (board: Required<Board>, life: number) => Partial<Board>,
): BrokenPort => ({
  fault,
  fails,
  broken: (board, life) => ({ ...board, ...change(board as Required<Board>, life) }),
});

const counters: readonly BrokenPort[] = [
  part(
    'a counter that counts its readings',
    'the counter is a whole number, the same in each reading',
    ({ counter }) => {
      let readings = 0;
      return { counter: { ...counter, read: () => counter.read() + readings++ } };
    },
  ),
  part('a counter in memory', 'the counter is the same after a power cycle', ({ counter }) => {
    let count = counter.read();
    return {
      counter: {
        read: () => count,
        raise(to) {
          if (!Number.isSafeInteger(to) || to < count) throw new RangeError(`expected a rise, found ${to}`);
          count = to;
        },
      },
    };
  }),
  part(
    'a counter that is set and not raised',
    'the counter does not fall, and raised to what it is it stays',
    ({ counter }) => {
      let fallen: number | undefined;
      return {
        counter: {
          read: () => fallen ?? counter.read(),
          raise(to) {
            fallen = to >= 0 && to < counter.read() ? to : undefined;
            if (fallen === undefined) counter.raise(to);
          },
        },
      };
    },
  ),
  part(
    'a counter that takes one step at a time',
    'the counter rises to the number that it is raised to, by one or by more',
    ({ counter }) => ({
      counter: { ...counter, raise: (to) => counter.raise(Math.min(to, counter.read() + 1)) },
    }),
  ),
  part('a counter that rounds', 'the counter refuses what is no whole number', ({ counter }) => ({
    counter: { ...counter, raise: (to) => counter.raise(Math.floor(to)) },
  })),
];

const watchdogs: readonly BrokenPort[] = [
  part(
    'a watchdog that nobody has set',
    'the watchdog has a time above zero, and can be fed at any time',
    ({ watchdog }) => ({ watchdog: { ...watchdog, timeoutMs: 0 } }),
  ),
];

const sleeps = 'a sleep lasts at least as long as was asked, on the monotonic clock';

const clocks: readonly BrokenPort[] = [
  part('a clock that begins anew after its last tick', 'the monotonic clock never falls', ({ clock }) => {
    let ticks = 0;
    return { clock: { ...clock, monotonicMs: () => ticks++ % 4096 } };
  }),
  part('a sleep in other units', sleeps, ({ clock }) => ({
    clock: { ...clock, sleep: (ms, signal) => clock.sleep(ms / 10, signal) },
  })),
  part('a clock that stops while it sleeps', sleeps, ({ clock }) => ({
    clock: { ...clock, monotonicMs: () => 0 },
  })),
  part('a sleep that nothing wakes', 'a sleep whose signal fires ends with its reason', ({ clock }) => ({
    clock: { ...clock, sleep: (ms) => clock.sleep(ms) },
  })),
  part(
    'a wall clock in seconds',
    'a wall clock that is trusted counts milliseconds since 1970',
    ({ clock }) => ({ clock: { ...clock, wallMs: () => clock.wallMs() / 1000 } }),
  ),
];

const chance: readonly BrokenPort[] = [
  part(
    'a seed that is the same at each start',
    'chance begins in another way after each power cycle',
    () => ({
      random: seededRandom(5),
    }),
  ),
  part('a register of 32 bytes', 'chance gives as many bytes as asked for', ({ random }) => ({
    random: { ...random, bytes: (length) => random.bytes(Math.min(length, 32)) },
  })),
  part('a seed of eight bits', 'chance repeats itself in none of many draws', ({ random }) => ({
    random: { ...random, bytes: (length) => seededRandom(Math.floor(random.fraction() * 256)).bytes(length) },
  })),
  part('a bit that is stuck', 'chance has no bit that is stuck or leans to one side', ({ random }) => ({
    random: { ...random, bytes: (length) => random.bytes(length).map((byte) => byte | 0x10) },
  })),
  part('one buffer for all draws', 'a draw is a copy, which later draws leave alone', ({ random }) => {
    const buffer = new Uint8Array(2048);
    return {
      random: {
        ...random,
        bytes(length) {
          buffer.set(random.bytes(length));
          return buffer.subarray(0, length);
        },
      },
    };
  }),
  part(
    'a fraction that can be one',
    'a fraction is at least 0 and below 1, and spread between',
    ({ random }) => ({
      random: { ...random, fraction: () => Math.floor(random.fraction() * 256) / 255 },
    }),
  ),
];

/** By the part that is broken. */
export const brokenPorts = {
  flash: brokenFlashes,
  counter: counters,
  watchdog: watchdogs,
  clock: clocks,
  random: chance,
};
