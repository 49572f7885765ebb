import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { beginLedger, digest } from '@lapel/cose';
import { beginMarkFile, leafFile } from '@lapel/author';

const leaves = 4000;
const rounds = 8;

interface Signer {
  readonly child: ChildProcess;
  readonly told: () => string;
}

test('S4-37: two signers on one file, killed at any moment, never spend a leaf twice', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'lapel-leaves-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const paths = [join(folder, 'author.leaves'), join(folder, 'author.mark')] as const;
  beginLedger(leafFile(paths[0]), digest('sha-256', new Uint8Array()));
  beginMarkFile(paths[1]);

  const given: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const signers = [start(paths), start(paths)];
    const [first] = signers as [Signer];
    while (first.told().split('\n').length < randomInt(2, 30)) await once(first.child.stdout!, 'data');
    for (const { child } of signers) child.kill('SIGKILL');
    await Promise.all(signers.map(({ child }) => once(child, 'close')));
    for (const { told } of signers) {
      // A line that the kill cut short was told by nobody.
      given.push(...told().split('\n').slice(0, -1));
    }
  }
  assert.ok(given.length > rounds);
  assert.equal(new Set(given).size, given.length, `twice among ${given.join()}`);
});

function start(paths: readonly string[]): Signer {
  const script = join(import.meta.dirname, '../reserve-leaves.ts');
  const child = spawn(process.execPath, [script, ...paths, String(leaves)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let told = '';
  child.stdout.on('data', (bytes: Uint8Array) => (told += new TextDecoder().decode(bytes)));
  return { child, told: () => told };
}
