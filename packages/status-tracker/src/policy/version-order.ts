/**
 * Versions compared as versions, never as text: 1.10 is above 1.9, and 1.4.0-rc.1 is below 1.4.0. The order
 * is that of Semantic Versioning 2.0.0 §11, with any number of numbers in front; what is missing is zero.
 */

export interface ReadVersion {
  readonly numbers: readonly number[];
  /** Empty for a release; numbers are below words. */
  readonly before: readonly (number | string)[];
}

const textMax = 64;
const form = /^v?(\d{1,9}(?:\.\d{1,9}){0,7})(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?$/;

/** @returns undefined for what is no version: it is neither above nor below any other. */
export function readVersion(text: string): ReadVersion | undefined {
  if (text.length > textMax) return undefined;
  const [whole, numbers = '', before] = form.exec(text) ?? [];
  if (whole === undefined) return undefined;
  return {
    numbers: numbers.split('.').map(Number),
    before: before?.split('.').map((word) => (/^\d{1,15}$/.test(word) ? Number(word) : word)) ?? [],
  };
}

/** @returns negative, zero or positive, as `a` is below, the same as, or above `b`. */
export function compareVersions(a: ReadVersion, b: ReadVersion): number {
  const length = Math.max(a.numbers.length, b.numbers.length);
  for (let at = 0; at < length; at++) {
    const difference = (a.numbers[at] ?? 0) - (b.numbers[at] ?? 0);
    if (difference !== 0) return difference;
  }
  // §11.3: what comes before a release is below it.
  if (a.before.length === 0 || b.before.length === 0) return b.before.length - a.before.length;
  for (const [at, word] of a.before.entries()) {
    const other = b.before[at];
    if (other === undefined) return 1;
    const difference = compareWords(word, other);
    if (difference !== 0) return difference;
  }
  return a.before.length - b.before.length;
}

function compareWords(a: number | string, b: number | string): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'number') return -1;
  if (typeof b === 'number') return 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
