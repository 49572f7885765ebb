/**
 * Counts what the test runner says, and judges it: a file without a test, a run without a test and, where
 * nothing may be skipped, a skip without a good reason are failures too.
 */
import type { TestEvent } from 'node:test/reporters';

export interface Tally {
  passed: number;
  readonly failures: Extract<TestEvent, { readonly type: 'test:fail' }>[];
  readonly skips: { readonly name: string; readonly reason: string }[];
  readonly filesWithoutTest: string[];
  /** By file: what it wrote to standard error, which says why a file crashed. */
  readonly errorOutput: Map<string, string>;
  /** By file: how many tests have ended. */
  readonly done: Map<string, number>;
}

export function emptyTally(): Tally {
  return {
    passed: 0,
    failures: [],
    skips: [],
    filesWithoutTest: [],
    errorOutput: new Map(),
    done: new Map(),
  };
}

export interface Verdict {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Failures that are no failed test. */
  readonly complaints: readonly string[];
}

/** Beyond this a file's standard error is cut: a crash shows itself in its first lines. */
const errorOutputMax = 10_000;

/** Adds one event of the runner to the tally. */
export function note(tally: Tally, event: TestEvent): void {
  if (event.type === 'test:stderr') {
    const before = tally.errorOutput.get(event.data.file) ?? '';
    if (before.length < errorOutputMax) tally.errorOutput.set(event.data.file, before + event.data.message);
  }
  if (event.type !== 'test:pass' && event.type !== 'test:fail' && event.type !== 'test:complete') return;
  const { name, file = '', details } = event.data;
  // The runner speaks of a file as of a test: that is no test, but it may fail, for example by crashing.
  const isFile = name === file;
  const isTest = !isFile && details.type !== 'suite';
  if (event.type === 'test:fail') tally.failures.push(event);
  if (event.type === 'test:complete' && isTest) tally.done.set(file, (tally.done.get(file) ?? 0) + 1);
  // It passes by itself only when it holds no test.
  if (event.type === 'test:pass' && isFile) tally.filesWithoutTest.push(file);
  if (event.type !== 'test:pass' || !isTest) return;
  const skipped = event.data.skip ?? event.data.todo;
  if (skipped === undefined || skipped === false) tally.passed += 1;
  else tally.skips.push({ name, reason: typeof skipped === 'string' ? skipped : 'no reason given' });
}

/** What a machine may lack: the public vectors, and a network of IPv6. */
const mayBeMissing = ['LAPEL_VECTORS', 'no network of IPv6'];

/** Where every skip counts, nothing else may be missing. */
export function judge(tally: Tally, { everySkipCounts }: { readonly everySkipCounts: boolean }): Verdict {
  const refused = everySkipCounts
    ? tally.skips.filter(({ reason }) => !mayBeMissing.some((what) => reason.includes(what)))
    : [];
  const complaints = refused.map(
    ({ name }) => `'${name}' was skipped, and only what wants public vectors or IPv6 may be`,
  );
  complaints.push(...tally.filesWithoutTest.map((file) => `${file} holds no test`));
  if (tally.passed + tally.failures.length + tally.skips.length === 0) complaints.push('no test has run');
  return {
    passed: tally.passed,
    failed: tally.failures.length + complaints.length,
    skipped: tally.skips.length - refused.length,
    complaints,
  };
}

/** The one line that ends a run, in the words that a machine reads. */
export function closingLine({ passed, failed, skipped }: Verdict): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
