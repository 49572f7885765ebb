/**
 * A figure, as packages/ROOM/bench/*.bench.ts exports them in `figures`. One with an aim is a count, or a
 * ratio of two things measured in the same run, so that it means the same on a slow machine and on a fast
 * one; but where what was asked for is a time, a rate or a size, it is that.
 */

interface Measured {
  readonly room: string;
  /** What is compared, in a few words. */
  readonly name: string;
  /** What the number is, for example `× a bare verify`. */
  readonly unit: string;
  /** Measures once and gives the number. The caller repeats it and takes the median. */
  readonly measure: () => number | Promise<number>;
}

interface Aim {
  /** As a person reads it, for example `≤ 1.35`. */
  readonly aim: string;
}

export type Figure = Measured &
  (({ readonly atMost: number } & Aim) | ({ readonly atLeast: number } & Aim) | { readonly aim?: never });

/** Whether a measured number is as good as the figure asks; undefined where it asks nothing. */
export function isMet(figure: Figure, value: number): boolean | undefined {
  if (figure.aim === undefined) return undefined;
  return 'atMost' in figure ? value <= figure.atMost : value >= figure.atLeast;
}
