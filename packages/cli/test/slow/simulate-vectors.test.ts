/** `lapel simulate` over the derived vectors: the verdict, the stage and the exit code of each. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';

const lapel = join(import.meta.dirname, '../../bin/lapel.mjs');
const vectors = resolve(
  process.env['LAPEL_VECTORS'] ?? join(import.meta.dirname, '../../../../../shared/vectors'),
);
const derived = join(vectors, 'derived-37');
const skip = existsSync(derived)
  ? false
  : 'the public vectors are not here: set LAPEL_VECTORS to their folder';

interface Vector {
  readonly file: string;
  readonly expect: string;
  readonly stage: string;
  readonly device?: object;
  readonly payloads?: Readonly<Record<string, string>>;
}

interface Index {
  readonly keys: Readonly<Record<string, string>>;
  readonly device: object;
  readonly vectors: readonly Vector[];
}

const folder = mkdtempSync(join(tmpdir(), 'lapel-simulate-'));
after(() => rmSync(folder, { recursive: true }));

test('S0-31, X-19: each derived vector ends at the command line as its index says', { skip }, async () => {
  const index = JSON.parse(readFileSync(join(derived, 'index.json'), 'utf8')) as Index;
  const secret = join(folder, 'secret.hex');
  writeFileSync(secret, index.keys['hmac_hex'] ?? '');
  const trust = [join(vectors, 'manifest-spec-37', 'private_key.b64'), secret];
  const all = index.vectors;
  assert.ok(all.length > 0);
  for (const vector of all) {
    const boots = vector.stage === 'boot' || vector.expect === 'accept-for-boot';
    const held = boots ? { components: { '00': join(derived, 'fw.bin') } } : {};
    const described = join(folder, 'device.json');
    writeFileSync(described, JSON.stringify({ ...index.device, ...held, ...vector.device }));
    const payloads = Object.entries(vector.payloads ?? {}).map(
      ([uri, file]) => `${uri}=${join(derived, file)}`,
    );
    const found = await simulated([
      join(derived, vector.file),
      ...['--device', described, '--trust', ...trust, '--json'],
      ...['--procedure', boots ? 'invocation' : 'update'],
      ...(payloads.length === 0 ? [] : ['--payload', ...payloads]),
    ]);
    const accepts = vector.expect.startsWith('accept');
    const stage = accepts ? 'run' : vector.stage;
    const expected = { verdict: accepts ? 'accept' : 'reject', stage, exitCode: accepts ? 0 : 6 };
    assert.deepEqual(found, expected, vector.file);
  }
});

function simulated(args: readonly string[]): Promise<object> {
  return new Promise((done) => {
    execFile(process.execPath, [lapel, 'simulate', ...args], (error, stdout) => {
      const { verdict, stage } = JSON.parse(stdout) as Record<'verdict' | 'stage', string>;
      done({ verdict, stage, exitCode: error?.code ?? 0 });
    });
  });
}
