/** What every suite of the update modes does: releases, and checks of a trace. */

import type { ModesWorld, Stage, Traced } from './modes-world.ts';

export interface Check {
  readonly sentence: string;
  readonly holds: boolean;
}

export interface Played {
  readonly checks: readonly Check[];
  readonly trace: readonly Traced[];
}

/** A scenario, and what must hold after it. */
export type Play = (stage: Stage) => Promise<Played>;

const imageBytes = 9_001;

interface Releasing {
  readonly sequence?: number;
  readonly bytes?: number;
  readonly isHidden?: boolean;
  readonly isSpoiled?: boolean;
}

export async function release(
  world: ModesWorld,
  className: string,
  { sequence = 2, bytes = imageBytes, ...how }: Releasing = {},
) {
  await world.publish({ image: world.random.bytes(bytes), sequence, className, ...how });
  await world.rollOut(className, sequence);
}

export async function finish(
  world: ModesWorld,
  rows: readonly (readonly [string, boolean])[],
): Promise<Played> {
  const checks = rows.map(([sentence, holds]) => ({ sentence, holds }));
  await world.end();
  return { checks, trace: world.trace };
}

export const timesOf = ({ trace }: ModesWorld, pattern: RegExp): readonly number[] =>
  trace.filter(({ what }) => pattern.test(what)).map(({ atMs }) => atMs);

export const firstOf = (world: ModesWorld, pattern: RegExp): number | undefined => timesOf(world, pattern)[0];

export const hasLine = (world: ModesWorld, pattern: RegExp): boolean => firstOf(world, pattern) !== undefined;

/** Each behind the one before, from the last occurrence of the first one's predecessor on. */
export function inOrder({ trace }: ModesWorld, lines: readonly string[]): boolean {
  let place = -1;
  return lines.every((line) => {
    place = trace.findIndex(({ what }, index) => index > place && what.startsWith(line));
    return place >= 0;
  });
}
