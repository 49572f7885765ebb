/**
 * The conformance suite of a port: whoever brings Lapel to a chip runs it there. It depends on no test runner
 * and on no machine; it erases and programs the scratch region, raises the counter a few times, and looks at
 * all of the flash. `docs/porting.md` shows how to run it.
 */

import type { Board } from './board.ts';
import type { Bench, PortCheck } from './port-checks/check.ts';
import { fed } from './port-checks/check.ts';
import { clockChecks } from './port-checks/clock-checks.ts';
import { flashChecks } from './port-checks/flash-checks.ts';
import { counterChecks, watchdogChecks } from './port-checks/hardware-checks.ts';
import { randomChecks } from './port-checks/random-checks.ts';
import { refusalChecks } from './port-checks/refusal-checks.ts';
import type { Region } from './storage/flash.ts';

export type { PortCheck } from './port-checks/check.ts';
export { PortFault } from './port-checks/check.ts';

export interface PortOptions {
  /**
   * Switches the board off and on, and gives what comes up; the board before is not used again. Without it
   * nothing is known of what survives.
   */
  readonly reopen?: () => Board | Promise<Board>;
  /** What the hardware protects: the loader. Its last page is tried, and lost where it is not protected. */
  readonly protectedRegion?: Region;
}

export interface PortResult {
  readonly check: Omit<PortCheck, 'run'>;
  readonly result: 'passed' | 'failed' | 'not offered';
  /** What was expected and what was found, of a check that failed. */
  readonly because?: string;
}

/**
 * The checks, to be run one after the other, in any order.
 * @param scratch at least three whole pages of one chip that hold nothing.
 * @throws {RangeError} where the scratch region is no such thing.
 */
export const portSuite = (board: Board, scratch: Region, options: PortOptions = {}): readonly PortCheck[] =>
  checksOn(benchOf(board, scratch, options));

/** Runs all checks; one that fails keeps none of the others from being run. */
export async function runPortSuite(
  board: Board,
  scratch: Region,
  options: PortOptions = {},
): Promise<readonly PortResult[]> {
  const bench = benchOf(board, scratch, options);
  const results: PortResult[] = [];
  for (const check of checksOn(bench)) results.push(await resultOf(check));
  return results;
}

/** A line for each check, and one for their sum. */
export function portReport(results: readonly PortResult[]): string {
  const lines = results.map(({ check: { part, name, requirement }, result, because }) => {
    const reason = because === undefined ? '' : `: ${because}`;
    return `${result.padEnd(11)}  ${part.padEnd(8)}  ${name} (${requirement})${reason}`;
  });
  const count = (wanted: PortResult['result']) => results.filter(({ result }) => result === wanted).length;
  const sum = `${count('passed')} passed, ${count('failed')} failed, ${count('not offered')} not offered`;
  return [...lines, sum].join('\n');
}

const checksOn = (bench: Bench): readonly PortCheck[] => [
  ...flashChecks(bench),
  ...refusalChecks(bench),
  ...counterChecks(bench),
  ...watchdogChecks(bench),
  ...clockChecks(bench),
  ...randomChecks(bench),
];

/** So that a page has one before and one behind it. */
const scratchPagesMin = 3;

function benchOf(board: Board, scratch: Region, { reopen, protectedRegion }: PortOptions): Bench {
  const { address, bytes, pageBytes, granuleBytes } = scratch;
  if (!(address >= 0 && address % granuleBytes === 0 && bytes % pageBytes === 0)) {
    throw new RangeError(`expected a scratch region of whole pages, found ${bytes} bytes at ${address}`);
  }
  if (bytes < scratchPagesMin * pageBytes) {
    throw new RangeError(`expected ${scratchPagesMin} scratch pages or more, found ${bytes / pageBytes}`);
  }
  return { board: fed(board), scratch, reopen, protectedRegion };
}

async function resultOf({ run, ...check }: PortCheck): Promise<PortResult> {
  if (run === undefined) return { check, result: 'not offered' };
  try {
    await run();
    return { check, result: 'passed' };
  } catch (error) {
    // Whatever a port throws where it should not is what was looked for.
    const because = error instanceof Error ? error.message : `expected an Error, found ${String(error)}`;
    return { check, result: 'failed', because };
  }
}
