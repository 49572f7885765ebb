/**
 * Inputs made at random from a seed, and what must hold of each. A case is told by its seed and its number
 * alone; cases take turns at the targets, the two modes of envelopes among them.
 */

import type { Context } from 'node:vm';
import { createContext, runInContext } from 'node:vm';
import { hex } from '@lapel/cbor';
import { decoderTargets } from './fuzz-decoders.ts';
import { envelopeTargets } from './fuzz-envelope.ts';
import { journalTarget } from './fuzz-journal.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { seededRandom } from './random.ts';

export interface Finding {
  readonly target: string;
  readonly seed: number;
  readonly case: number;
  readonly error: string;
  /** In hexadecimal, to be kept as a vector. */
  readonly input: string;
}

export interface FuzzResult {
  readonly cases: number;
  readonly findings: readonly Finding[];
}

export interface FuzzOptions {
  readonly seed: number;
  /** The first case; 0 where absent. */
  readonly from?: number;
  /** Whether to go on after so many cases. */
  readonly wantsMore: (done: number) => boolean;
  readonly onFinding?: (finding: Finding) => void;
  readonly targets?: (seed: number) => readonly FuzzTarget[];
  /** How long a case may take until it is ended, and found. */
  readonly caseMsMax?: number;
}

/** The slowest sound case takes milliseconds, on a machine that is busy some more. */
const caseMsMaxDefault = 10_000;
/** One bug is found many times: what comes after tells nothing new. */
const findingsMax = 20;

/** Every target, with keys of that seed. */
export const fuzzTargets = (seed: number): readonly FuzzTarget[] => {
  const [checked, repaired] = envelopeTargets(seed);
  // Envelopes have every other turn.
  return [...decoderTargets(seed), journalTarget].flatMap((each, index) => [
    index % 2 === 0 ? checked : repaired,
    each,
  ]);
};

export function fuzz({
  seed,
  from = 0,
  wantsMore,
  onFinding,
  targets = fuzzTargets,
  caseMsMax = caseMsMaxDefault,
}: FuzzOptions): FuzzResult {
  const all = targets(seed);
  const findings: Finding[] = [];
  const world = createContext({});
  let cases = 0;
  for (; wantsMore(cases) && findings.length < findingsMax; cases++) {
    const number = from + cases;
    const target = all[number % all.length];
    if (target === undefined) break;
    const { input, check } = target.draw(seededRandom(seed).fork(`case ${number}`));
    const error = wrongIn(check, world, caseMsMax);
    if (error === undefined) continue;
    const finding = { target: target.name, seed, case: number, error, input: hex(input) };
    findings.push(finding);
    onFinding?.(finding);
  }
  return { cases, findings };
}

/** What went wrong, in words. What does not end is ended: only a virtual machine can be. */
function wrongIn(check: () => void, world: Context, caseMsMax: number): string | undefined {
  try {
    world['check'] = check;
    runInContext('check()', world, { timeout: caseMsMax });
    return undefined;
  } catch (error) {
    return error instanceof Error ? whereFrom(error) : String(error);
  }
}

/** Its name and message, and the innermost place of ours. */
function whereFrom({ name, message, stack = '' }: Error): string {
  const place = /packages\/[^\s)]+/.exec(stack.slice(stack.indexOf('\n    at ')));
  return `${name}: ${message.slice(0, 500)}${place === null ? '' : ` (${place[0]})`}`;
}
