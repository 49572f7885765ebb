/** docs/porting.md: its port runs and passes, and it tells every part of a board and of a crypto provider. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { house } from '../../../tools/house.ts';

const document = readFileSync(join(house, 'docs/porting.md'), 'utf8');
const [example = '', ...others] = [...document.matchAll(/^```ts\n(?<code>.*?)^```$/gms)].map(
  ({ groups }) => groups?.['code'] ?? '',
);

const project = mkdtempSync(join(tmpdir(), 'lapel-port-'));
writeFileSync(join(project, 'port.ts'), example);
writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
writeFileSync(
  join(project, 'tsconfig.json'),
  JSON.stringify({ extends: join(house, 'tsconfig.json'), include: [], files: ['port.ts'] }),
);
symlinkSync(join(house, 'node_modules'), join(project, 'node_modules'), 'junction');
after(() => rmSync(project, { recursive: true }));

const run = (...args: readonly string[]) =>
  spawnSync(process.execPath, args, { cwd: project, encoding: 'utf8' });

test('S0-26, S4-47: the board of docs/porting.md passes the suite for ports, twice in a row', () => {
  assert.equal(others.length, 0);
  const promised = /^```\n(?<lines>not offered .*?)^```$/ms.exec(document)?.groups?.['lines'] ?? 'nothing';
  for (let time = 0; time < 2; time++) {
    const { status, stdout, stderr } = run('port.ts', project);
    assert.equal(status, 0, stdout + stderr);
    for (const line of promised.trim().split('\n')) assert.ok(stdout.split('\n').includes(line), stdout);
  }
});

test('S0-26: the board of docs/porting.md fits the types', () => {
  const { status, stdout } = run(join(house, 'node_modules/typescript/bin/tsc'), '-p', '.');
  assert.equal(status, 0, stdout);
});

test('S0-26: docs/porting.md tells every member of a board', () => {
  const members =
    'geometry read program erase raise timeoutMs feed monotonicMs wallMs wallIsTrusted sleep bytes fraction';
  for (const member of members.split(' ')) assert.ok(document.includes(`\`${member}\``), member);
});

test('S4-116, S4-123: docs/porting.md tells who needs which function of a crypto provider', () => {
  const provider = readFileSync(join(house, 'packages/cose/src/crypto.ts'), 'utf8');
  const functions = [...provider.matchAll(/^export (?:function|const) (?<name>\w+)/gm)].map(
    ({ groups }) => groups?.['name'] ?? '',
  );
  assert.ok(functions.length > 10);
  for (const name of functions) assert.ok(document.includes(`\`${name}\``), name);
});

test('S4-124: docs/porting.md tells everything that a device is provisioned with', () => {
  const store = readFileSync(join(house, 'packages/device/src/trust-store.ts'), 'utf8');
  const [, fields = ''] = /export const Provision = map\(\{(.*?)^\}\);/ms.exec(store) ?? [];
  const names = [...fields.matchAll(/^ {2}(?<name>\w+): (?:required|optional)/gm)].map(
    ({ groups }) => groups?.['name'] ?? '',
  );
  assert.ok(names.length > 8);
  for (const name of names) assert.ok(document.includes(`\`${name}\``), name);
});
