/**
 * Cuts the power before and in the middle of every flash operation of an update, and a second time while the
 * device mends what the first cut left; then lets it finish. A reader that shares no code with the device is
 * asked after each cut and at the end.
 */

import type { Cut, NorFlash } from './flash.ts';
import { PowerCut, norFlash } from './flash.ts';
import type { Booted } from './powercut-judge.ts';
import { judge, judgeBoots } from './powercut-judge.ts';
import type { Scenario } from './powercut-scenario.ts';
import { settle } from './powercut-life.ts';
import { seededRandom } from './random.ts';

export interface PowercutResult {
  readonly scenario: string;
  /** Programs and erases of the update when nothing cuts it. */
  readonly operations: number;
  /** Lives with one cut. */
  readonly cuts: number;
  /** Lives with a second cut after the first. */
  readonly pairs: number;
  readonly violations: readonly string[];
}

export interface PowercutOptions {
  readonly seed: number;
  /** Torn variants of each operation, beside the cut before it. */
  readonly tornEach: number;
  /** Asked before each pair of cuts, which are drawn under the seed; none where absent. */
  readonly wantsPair?: (pairs: number) => boolean;
  readonly onCut?: (done: number, total: number) => void;
}

/** A scenario that breaks more than this is not looked into further. */
const violationsMax = 20;

export async function powercut(scenario: Scenario, options: PowercutOptions): Promise<PowercutResult> {
  const { seed, tornEach, wantsPair = () => false, onCut } = options;
  const whole = await survive(scenario, [], 'without a cut');
  const { operations } = whole;
  const violations = [...whole.violations];
  const random = seededRandom(seed);
  const cutAt = (operation: number, variant: number, name: string): Cut => ({
    operation,
    torn: variant === 0 ? false : random.fork(name),
  });

  let cuts = 0;
  for (let operation = 0; operation < operations && violations.length < violationsMax; operation++) {
    for (let variant = 0; variant <= tornEach; variant++) {
      const cut = cutAt(operation, variant, `${operation}/${variant}`);
      const life = await survive(scenario, [cut], place(cut));
      violations.push(...life.violations);
      if (life.cuts === 0) violations.push(`${scenario.name}: expected a cut ${place(cut)}, found none`);
      cuts++;
      onCut?.(cuts, operations * (1 + tornEach));
    }
  }

  let pairs = 0;
  const mayDraw = (draw: number) => draw < drawsMax * (pairs + 1) && violations.length < violationsMax;
  for (let draw = 0; mayDraw(draw) && wantsPair(pairs); draw++) {
    const drawn = [0, 1].map((each) => {
      return cutAt(random.below(operations), random.below(1 + tornEach), `pair ${draw}/${each}`);
    });
    const life = await survive(scenario, drawn, drawn.map(place).join(', then '));
    violations.push(...life.violations);
    if (life.cuts === 2) pairs++;
  }
  return { scenario: scenario.name, operations, cuts, pairs, violations };
}

/** Where the second cut would come after the end, another pair is drawn; not for ever. */
const drawsMax = 20;

const place = ({ operation, torn }: Cut) => `${torn === false ? 'before' : 'in'} operation ${operation}`;

/** One device from the factory on, through the cuts one after the other, to its end. */
async function survive(
  scenario: Scenario,
  cuts: readonly Cut[],
  where: string,
): Promise<{ readonly operations: number; readonly cuts: number; readonly violations: readonly string[] }> {
  const violations: string[] = [];
  const complain = (found: readonly string[], when: string) =>
    violations.push(...found.map((each) => `${scenario.name}: ${where}: ${when}: ${each}`));
  const boots: Booted[] = [];
  let content = scenario.factory;
  for (let life = 0; ; life++) {
    const cut = cuts[life];
    const { geometry } = scenario.profile.layout;
    const flash: NorFlash = norFlash({ geometry, content, ...(cut === undefined ? {} : { cut }) });
    const error = await settle(scenario, flash, boots).then(
      () => undefined,
      (reason: unknown) => (reason instanceof Error ? reason : new Error('expected an Error, found another')),
    );
    const isCut = error instanceof PowerCut;
    complain(judge(scenario, flash, !isCut), isCut ? 'right after' : 'at the end');
    if (isCut) {
      content = flash.dump();
      continue;
    }
    complain(judgeBoots(scenario, boots), 'when it booted');
    if (error !== undefined) complain([error.message], 'while it ran');
    return { operations: flash.operations, cuts: life, violations };
  }
}
