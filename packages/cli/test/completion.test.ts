/** Completion as bash does it, with the script that the command prints. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const lapel = join(import.meta.dirname, '../bin/lapel.mjs');
const ask = 'COMPREPLY=(); COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _lapel; printf "%s\\n" "${COMPREPLY[@]}"';

test('S4-91: every command tells its result as JSON, too, but the one that prints a script', () => {
  const script = execFileSync(process.execPath, [lapel, 'completion', 'bash'], { encoding: 'utf8' });
  const places = [
    ...script.matchAll(/^ {4}' (?<path>[^']+)'\) COMPREPLY=\(\$\(compgen -W '(?<words>[^']*)'/gm),
  ]
    .map(({ groups }) => groups!)
    .filter(({ path }) => !path!.includes(' -'));
  const isGroup = (path: string) => places.some((other) => other['path']!.startsWith(`${path} `));
  const commands = places.filter(({ path }) => !isGroup(path!));
  assert.ok(commands.length > 30);
  const mute = commands.filter(({ words }) => !words!.split(' ').includes('--json'));
  assert.deepEqual(
    mute.map(({ path }) => path),
    ['completion'],
  );
});

test('S4-91: a shell completes commands, options and choices, each where it may stand', () => {
  const script = execFileSync(process.execPath, [lapel, 'completion', 'bash'], { encoding: 'utf8' });
  const folder = mkdtempSync(join(tmpdir(), 'lapel-completion-'));
  const completed = (...words: readonly string[]) =>
    execFileSync('bash', ['--norc', '-c', `${script}\n${ask}`, 'bash', 'lapel', ...words], {
      cwd: folder,
      encoding: 'utf8',
    })
      .split('\n')
      .filter((each) => each !== '');
  try {
    assert.deepEqual(completed('sig'), ['sign']);
    assert.deepEqual(completed('trust', 're'), ['retire', 'revoke']);
    assert.deepEqual(completed('trust', 'add', '--si'), ['--signer', '--signer-takes']);
    assert.deepEqual(completed('keygen', '--algorithm', 'A12'), ['A128KW']);
    assert.deepEqual(completed('device', 'make', '--profile', 'class1-d'), ['class1-delete-first']);
    assert.deepEqual(completed('device', '--profile', 'class1-d'), []);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
