/** Completion as zsh and fish do it, with the scripts that the command prints. */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

const lapel = join(import.meta.dirname, '../../bin/lapel.mjs');
const folder = mkdtempSync(join(tmpdir(), 'lapel-shells-'));
after(() => rmSync(folder, { recursive: true }));

const missing = (shell: string) =>
  spawnSync(shell, ['--version'], { stdio: 'ignore' }).error === undefined
    ? false
    : `it needs the Debian package ${shell}`;

/** A terminal of its own, in which a key after the tab prints what then stands on the line. */
const typing = `
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1=''; source lapel.zsh; show() { print -r -- \\"<<\\$BUFFER>>\\" }; zle -N show"
zpty -w shell "bindkey '^X' show; print 're''ady'"
zpty -r shell seen '*ready*'
for line in "$@"; do
  zpty -w -n shell "$line"$'\\t\\x18'
  zpty -r shell seen '*<<*>>*'
  print -r -- "\${\${seen#*<<}%%>>*}"
  zpty -w -n shell $'\\x15'
done
zpty -d shell
`;

before(() => {
  for (const shell of ['zsh', 'fish']) {
    const script = execFileSync(process.execPath, [lapel, 'completion', shell]);
    writeFileSync(join(folder, `lapel.${shell}`), script);
  }
  writeFileSync(join(folder, 'typing.zsh'), typing);
});

const shellSays = (shell: string, ...args: readonly string[]): readonly string[] =>
  execFileSync(shell, args, {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder, TERM: 'xterm' },
    encoding: 'utf8',
    timeout: 60_000,
  })
    .split('\n')
    .filter((line) => line !== '');

test(
  'S4-91: zsh completes commands, options and choices, each where it may stand',
  { skip: missing('zsh') },
  () => {
    const lines = [
      ['lapel sig', 'lapel sign '],
      ['lapel trust ret', 'lapel trust retire '],
      ['lapel trust add --new-signer-t', 'lapel trust add --new-signer-takes '],
      ['lapel keygen --algorithm A12', 'lapel keygen --algorithm A128KW '],
      ['lapel device make --profile class1-d', 'lapel device make --profile class1-delete-first '],
      ['lapel device --profile class1-d', 'lapel device --profile class1-d'],
    ];
    const found = shellSays('zsh', '-f', 'typing.zsh', ...lines.map(([typed = '']) => typed));
    assert.deepEqual(
      found.map((line) => line.trimEnd()),
      lines.map(([, completed = '']) => completed.trimEnd()),
    );
  },
);

test('S4-91: fish completes them, and says what each is for', { skip: missing('fish') }, () => {
  const completed = (line: string) =>
    shellSays('fish', '--no-config', '-c', `source lapel.fish; complete -C '${line}'`);
  assert.deepEqual(completed('lapel sig'), ['sign\tsign an envelope']);
  assert.deepEqual(
    completed('lapel trust re').map((each) => each.split('\t')[0]),
    ['retire', 'revoke'],
  );
  assert.deepEqual(
    completed('lapel trust add --si').map((each) => each.split('\t')[0]),
    ['--signer', '--signer-takes'],
  );
  assert.match(completed('lapel keygen --algorithm A12').join('\n'), /^A128KW\t[^\n]+$/);
  assert.match(completed('lapel device make --profile class1-d').join('\n'), /^class1-delete-first\t[^\n]+$/);
  assert.deepEqual(completed('lapel device --profile class1-d'), []);
});
