/**
 * Where the machine stood at each step. It tells nobody while it runs, but its bound on commands stops it
 * before any one of them, and a failure names the place: so it is run again with what the world answered, up
 * to each command in turn.
 */

import { CborError } from '@lapel/cbor';
import type { AuthenticManifest, Command, Procedure, SectionName } from '@lapel/suit';
import {
  admit,
  driveSync,
  innerSequences,
  readSequence,
  run,
  sectionBytes,
  sectionNames,
  sections,
} from '@lapel/suit';
import type { Simulation, Situation } from './simulate.ts';
import { deviceFor } from './simulate.ts';

/** A command that the machine began, for one component. */
export interface Moment {
  /** Indices of the dependencies that lead to its manifest; empty for the root's own. */
  readonly path: readonly number[];
  /** Number of its section. */
  readonly section: number;
  /** Byte offset in the section. */
  readonly offset: number;
  readonly component: number;
  /** How many steps the world had been asked for before it. */
  readonly stepsBefore: number;
  /** Of the root manifest. */
  readonly command?: Command;
  /** How many sequences it stands in. */
  readonly depth: number;
}

/** Each costs one more run of all before it; what was begun behind them has no place. */
export const momentsMax = 1024;

/** The commands that were begun, in order; the first ones, where there were very many. */
export function traceOf(
  { authentic, steps, stage }: Simulation,
  situation: Situation,
  procedure: Procedure,
): readonly Moment[] {
  if (authentic === undefined || stage !== 'run') return [];
  const commands = commandsByPlace(authentic, situation.limits.nestingDepth);
  const { recipient } = deviceFor(situation, authentic);
  const moments: Moment[] = [];
  const most = Math.min(situation.limits.commands, momentsMax);
  for (let count = 0; count < most; count++) {
    const limits = { ...situation.limits, commands: count };
    let stepsBefore = 0;
    const { failure } = driveSync(run(admit(authentic, { ...recipient, limits }), procedure), () => {
      const step = steps[stepsBefore++];
      if (step?.error !== undefined) throw step.error;
      return step?.answer;
    });
    if (failure?.error.message !== `expected at most ${count} commands, found more`) break;
    const { manifestId: path, section, offset, component } = failure.record;
    const own = path.length === 0 ? commands.get(placeKey(section, offset)) : undefined;
    moments.push({ path, section, offset, component, stepsBefore, depth: 0, ...own });
  }
  return moments;
}

export type Placed = Pick<Moment, 'depth'> & { readonly command: Command };

export const placeKey = (section: number, offset: number): string => `${section} ${offset}`;

/** Every command of a manifest by where records say that it stands. */
export function commandsByPlace(authentic: AuthenticManifest, depthMax: number): ReadonlyMap<string, Placed> {
  const found = new Map<string, Placed>();
  const walk = (section: SectionName, start: number, encoded: Uint8Array, depth: number): void => {
    for (const { command, offset } of readable(encoded)) {
      found.set(placeKey(sections[section], encoded.byteOffset - start + offset), { command, depth });
      if (depth === depthMax) continue;
      for (const inner of innerSequences(command)) walk(section, start, inner, depth + 1);
    }
  };
  for (const name of sectionNames) {
    const encoded = sectionBytes(authentic, name);
    if (encoded !== undefined) walk(name, encoded.byteOffset, encoded, 0);
  }
  return found;
}

/** A sequence in a sequence may be damaged; where it runs, the machine says so. */
function readable(encoded: Uint8Array): ReturnType<typeof readSequence> {
  try {
    return readSequence(encoded);
  } catch (error) {
    if (error instanceof CborError) return [];
    throw error;
  }
}
