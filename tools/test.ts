/**
 * `npm test`: every test of every room and of the tools, each file in a process of its own. Arguments are
 * paths that narrow it (`npm test -- packages/cbor`), `--quick` leaves out test/slow, `--but PATH` leaves
 * out a path. It ends with the plain line `N passed, N failed, N skipped`.
 */
import { join, relative, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { run } from 'node:test';
import { spec, type TestEvent } from 'node:test/reporters';
import { parseArgs } from 'node:util';
import { installDebianPackages } from './debian.ts';
import { files, house } from './house.ts';
import { closingLine, emptyTally, judge, note, type Tally } from './tally.ts';

/** The machines have two cores. */
const filesAtOnce = 2;
const fileMillisecondsMax = 15 * 60_000;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean' }, but: { type: 'string', multiple: true } },
});
const quick = options.quick ?? false;
const testFiles = choose(positionals, options.but ?? []);
if (!quick) for (const line of installDebianPackages()) console.log(line);
const tally = await runFiles(testFiles);
await tell(tally);

/** The test files below the wanted paths, or all, but those below the unwanted. */
function choose(wanted: readonly string[], unwanted: readonly string[]): readonly string[] {
  const all = files('packages/*/test/**/*.test.ts', 'tools/**/*.test.ts');
  return all.filter(
    (file) =>
      (wanted.length === 0 || isBelow(file, wanted)) &&
      !isBelow(file, unwanted) &&
      !(quick && file.includes('/slow/')),
  );
}

function isBelow(file: string, paths: readonly string[]): boolean {
  return paths.some((path) => {
    const folder = nameOf(resolve(path));
    return folder === '' || file === folder || file.startsWith(`${folder}/`);
  });
}

async function runFiles(names: readonly string[]): Promise<Tally> {
  const sum = emptyTally();
  if (names.length === 0) return sum;
  const events = run({
    files: names.map((name) => join(house, name)),
    cwd: house,
    concurrency: filesAtOnce,
    timeout: fileMillisecondsMax,
  }) as AsyncIterable<TestEvent>;
  for await (const event of events) {
    note(sum, event);
    if (event.type !== 'test:complete' || event.data.name !== event.data.file) continue;
    const tests = sum.done.get(event.data.name) ?? 0;
    const { passed, duration_ms: milliseconds } = event.data.details;
    const seconds = (milliseconds / 1000).toFixed(1);
    console.log(`${passed ? 'ok  ' : 'FAIL'} ${nameOf(event.data.name)}  ${tests} (${seconds} s)`);
  }
  return sum;
}

/** The failures in full, the skipped tests in a line each, and the count as the last line. */
async function tell(sum: Tally): Promise<void> {
  const verdict = judge(sum, { everySkipCounts: process.env.CI === 'true' });
  if (sum.failures.length > 0) {
    for await (const text of Readable.from(sum.failures).compose(new spec()))
      process.stdout.write(String(text));
  }
  const failedFiles = new Set(sum.failures.map((event) => event.data.file));
  for (const [file, text] of sum.errorOutput) {
    if (failedFiles.has(file)) console.log(`\n${nameOf(file)} wrote to standard error:\n${text.trimEnd()}`);
  }
  for (const { name, reason } of sum.skips) console.log(`skipped: ${name} (${reason})`);
  for (const complaint of verdict.complaints) console.log(`failed: ${complaint}`);
  console.log(`\n${closingLine(verdict)}`);
  process.exitCode = verdict.failed > 0 ? 1 : 0;
}

function nameOf(file: string): string {
  return relative(house, file).replaceAll('\\', '/');
}
