/**
 * `npm run check`: what a change must pass before each commit, in less than a minute: format, lint, types,
 * the walls of the house and the quick tests. A step that passes says so in a line; one that fails says
 * why. With `--static` no test of the code runs, for one who runs all of them anyway.
 */
import { spawnSync } from 'node:child_process';
import { house } from './house.ts';

interface Step {
  readonly name: string;
  /** The script and its arguments, for this same Node. */
  readonly run: readonly string[];
  readonly ifItFails: string;
}

const all: readonly Step[] = [
  {
    name: 'format',
    run: ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'],
    ifItFails: "'npm run format' writes it",
  },
  {
    name: 'lint',
    run: ['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings', '--format=unix'],
    ifItFails: 'the rules are in .oxlintrc.json',
  },
  {
    name: 'types',
    run: ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'],
    ifItFails: 'the types do not fit',
  },
  {
    name: 'types of the browser',
    run: ['node_modules/typescript/bin/tsc', '-p', 'packages/browser'],
    ifItFails: 'the types do not fit; this room alone has those of a page',
  },
  {
    name: 'walls',
    run: ['tools/test.ts', '--quick', 'tools/tidy.test.ts'],
    ifItFails: 'the walls are in tools/tidy.test.ts',
  },
  {
    name: 'quick tests',
    run: ['tools/test.ts', '--quick', '--but', 'tools/tidy.test.ts'],
    ifItFails: "'npm test -- PATH' runs a part",
  },
];

const steps = process.argv.includes('--static') ? all.slice(0, -1) : all;

// What a step prints is read in a file as often as on a terminal.
const env = { ...process.env, NO_COLOR: '1' };

let failed = 0;
for (const { name, run, ifItFails } of steps) {
  const before = performance.now();
  const result = spawnSync(process.execPath, run, {
    cwd: house,
    env,
    encoding: 'utf8',
    maxBuffer: 64 * 2 ** 20,
  });
  const seconds = ((performance.now() - before) / 1000).toFixed(1);
  if (result.status === 0) {
    console.log(`ok    ${name} (${seconds} s)`);
    continue;
  }
  failed += 1;
  console.log(`FAIL  ${name} (${seconds} s): ${ifItFails}`);
  console.log(`${result.stdout}${result.stderr}${result.error?.message ?? ''}`.trimEnd());
}
console.log(failed === 0 ? 'all checks pass' : `${failed} of ${steps.length} checks fail`);
process.exitCode = failed === 0 ? 0 : 1;
