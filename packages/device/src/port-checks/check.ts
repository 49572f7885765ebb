/** What a check of a port is made of, and what the checks of all parts need. */

import type { Board } from '../board.ts';
import type { Region } from '../storage/flash.ts';

/** One sentence about a port, and how to try it. */
export interface PortCheck {
  readonly part: 'flash' | 'counter' | 'watchdog' | 'clock' | 'random';
  readonly name: string;
  /** The requirement that it comes from. */
  readonly requirement: string;
  /** Throws what was expected and what was found. Absent where the board does not offer what it is about. */
  readonly run?: () => void | Promise<void>;
}

/** @param run absent where the board does not offer it. */
export const check = (
  part: PortCheck['part'],
  requirement: string,
  name: string,
  run: PortCheck['run'],
): PortCheck => ({ part, requirement, name, ...(run === undefined ? {} : { run }) });

/** The board on the bench. */
export interface Bench {
  /** As it is now: after a power cycle it is another. */
  board: Board;
  /** Whole pages of one chip that hold nothing: they are erased and programmed. */
  readonly scratch: Region;
  /** What the hardware is said to protect. */
  readonly protectedRegion: Region | undefined;
  /** Gives the board after a power cycle, where somebody can do that. */
  readonly reopen: (() => Board | Promise<Board>) | undefined;
}

/** A port does not keep its contract. */
export class PortFault extends Error {
  override readonly name = 'PortFault';
}

export function expect(holds: boolean, expected: string, found: unknown): asserts holds {
  if (!holds) throw new PortFault(`expected ${expected}, found ${String(found)}`);
}

/** Switches the board off and on, and goes on with what comes up. */
export async function powerCycle(bench: Bench): Promise<Board> {
  expect(bench.reopen !== undefined, 'a way to switch the board off and on', 'none');
  bench.board = fed(await bench.reopen());
  return bench.board;
}

/** The same board, whose watchdog is fed whenever flash is used: to look at all of it takes a while. */
export function fed({ flash, counter, watchdog, clock, random }: Board): Board {
  const others = { clock, random, ...(counter === undefined ? {} : { counter }) };
  if (watchdog === undefined) return { flash, ...others };
  const feedAnd = <T>(act: () => T): T => {
    watchdog.feed();
    return act();
  };
  return {
    ...others,
    watchdog,
    flash: {
      geometry: flash.geometry,
      read: (address, length) => feedAnd(() => flash.read(address, length)),
      program: (address, bytes) => feedAnd(() => flash.program(address, bytes)),
      erase: (address) => feedAnd(() => flash.erase(address)),
    },
  };
}

/** The error of something that must not work. */
export function refusal(expected: string, act: () => unknown): Error {
  try {
    act();
  } catch (error) {
    expect(error instanceof Error, `an Error where ${expected}`, error);
    return error;
  }
  throw new PortFault(`expected to be refused where ${expected}, found it done`);
}
