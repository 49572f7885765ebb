/** What `lapel simulate --json` tells a script, whatever it is given as an envelope. */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

const lapel = join(import.meta.dirname, '../../bin/lapel.mjs');
const folder = mkdtempSync(join(tmpdir(), 'lapel-simulate-json-'));
const at = (name: string) => join(folder, name);
after(() => rmSync(folder, { recursive: true }));

before(() => {
  const made = (...args: readonly string[]) =>
    execFileSync(process.execPath, [lapel, '--quiet', ...args], { cwd: folder, stdio: 'ignore' });
  const components = { main: '' };
  writeFileSync(at('lamp.bin'), 'a firmware image for a lamp\n');
  writeFileSync(at('lamp.json'), JSON.stringify({ vendor: 'lapel.example', class: 'lamp', components }));
  const text = 'sequence: 1\nvendor: lapel.example\nclass: lamp\ncomponent: main\nimage: lamp.bin\n';
  writeFileSync(at('lamp.yaml'), text);
  made('keygen', 'author.pem');
  made('keygen', 'stranger.pem');
  made('create', 'lamp.yaml', '-o', 'unsigned.suit');
  made('sign', 'unsigned.suit', '--key', 'author.pem', '-o', 'lamp.suit');
  made('sign', 'unsigned.suit', '--key', 'stranger.pem', '-o', 'stranger.suit');
  writeFileSync(at('cut.suit'), readFileSync(at('lamp.suit')).subarray(0, 100));
  writeFileSync(at('empty.suit'), '');
});

const expected = [
  ['lamp.suit', 'update', ['accept', 'run', 'ok', '']],
  ['lamp.suit', 'invocation', ['reject', 'run', 'condition-failed', /^validate \(7\): expected an image/]],
  ['unsigned.suit', 'update', ['reject', 'auth', 'unauthorised', /expected an authentication block/]],
  ['stranger.suit', 'update', ['reject', 'auth', 'unauthorised', /expected a signature of a trusted key/]],
  ['stranger.suit', 'invocation', ['reject', 'auth', 'unauthorised', /expected a signature/]],
  ['cut.suit', 'update', ['reject', 'parse', 'cbor-parse', /^envelope: expected \d+ more bytes/]],
  ['empty.suit', 'update', ['reject', 'parse', 'cbor-parse', /^envelope: expected an item/]],
  ['lamp.bin', 'update', ['reject', 'parse', 'cbor-parse', /^envelope: expected tag 107/]],
  ['lamp.json', 'invocation', ['reject', 'parse', 'cbor-parse', /^envelope: expected tag 107/]],
] as const;

for (const [file, procedure, [verdict, stage, reason, detail]] of expected) {
  test(`S0-31: a script learns that ${file} ends with ${verdict} at ${stage} in the ${procedure}`, () => {
    const args = ['--device', 'lamp.json', '--trust', 'author.pub.pem', '--procedure', procedure, '--json'];
    const { status, stdout } = spawnSync(process.execPath, [lapel, 'simulate', file, ...args], {
      cwd: folder,
    });
    const told = JSON.parse(stdout.toString()) as Record<string, unknown>;
    assert.deepEqual([told['verdict'], told['stage'], told['reason']], [verdict, stage, reason]);
    assert.match(String(told['detail']), detail instanceof RegExp ? detail : /^$/);
    assert.equal(status, verdict === 'accept' ? 0 : 6);
  });
}
