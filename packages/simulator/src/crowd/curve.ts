/** The time to patch as a person sees it in a terminal. */

export interface CurveOptions {
  /** Columns and rows of the plot itself. */
  readonly width: number;
  readonly height: number;
}

const hourMs = 3_600_000;

/** @param patchedMs of each device, rising; `of` how many there are. */
export function curve(patchedMs: readonly number[], of: number, { width, height }: CurveOptions): string {
  const lastMs = Math.max(1, patchedMs.at(-1) ?? 1);
  const columns = Array.from({ length: width }, (_, column) => {
    const untilMs = (lastMs * (column + 1)) / width;
    return shareBefore(patchedMs, untilMs, of);
  });
  const rows = Array.from({ length: height }, (_, row) => {
    const least = (height - row - 0.5) / height;
    const scale = `${Math.round(((height - row) / height) * 100)} %`.padStart(6);
    return `${scale} │${columns.map((share) => (share >= least ? '█' : ' ')).join('')}`.trimEnd();
  });
  const axis = `${' '.repeat(7)}└${'─'.repeat(width)}`;
  const end = `${(lastMs / hourMs).toFixed(1)} h`;
  return [...rows, axis, `${' '.repeat(8)}0${end.padStart(width - 1)}`].join('\n');
}

/** When so large a share of all had proved it; undefined where they never did. */
export const timeTo = (share: number, patchedMs: readonly number[], of: number): number | undefined =>
  patchedMs[Math.max(0, Math.ceil(share * of) - 1)];

function shareBefore(patchedMs: readonly number[], ms: number, of: number): number {
  let [low, high] = [0, patchedMs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((patchedMs[middle] as number) <= ms) low = middle + 1;
    else high = middle;
  }
  return low / of;
}
