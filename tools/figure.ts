/**
 * A speed figure, as packages/ROOM/bench/*.bench.ts exports them in `figures`. It is a ratio of two things
 * measured in the same run, so that it means the same on a slow machine and on a fast one.
 */

interface Measured {
  readonly room: string;
  /** What is compared, in a few words. */
  readonly name: string;
  /** What the number is, for example `× a bare verify`. */
  readonly unit: string;
  /** The aim as a person reads it, for example `≤ 1.35`. */
  readonly aim: string;
  /** Measures once and gives the ratio. The caller repeats it and takes the median. */
  readonly measure: () => number | Promise<number>;
}

export type Figure = Measured & ({ readonly atMost: number } | { readonly atLeast: number });

/** Whether a measured number is as good as the figure asks. */
export function isMet(figure: Figure, value: number): boolean {
  return 'atMost' in figure ? value <= figure.atMost : value >= figure.atLeast;
}
