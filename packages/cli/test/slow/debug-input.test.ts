/** `lapel debug` with an input that stays open, as a terminal's does. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const lapel = join(import.meta.dirname, '../../bin/lapel.mjs');
const description = `
sequence: 2
vendor: lapel.example
class: lamp
component: main
image: lamp.bin
`;

test('S0-31: a debugger that is told to quit ends, though more could be typed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lapel-debug-'));
  try {
    writeFileSync(join(folder, 'lamp.bin'), 'a firmware image for a lamp');
    writeFileSync(join(folder, 'lamp.yaml'), description);
    const device = { vendor: 'lapel.example', class: 'lamp', components: ['main'] };
    writeFileSync(join(folder, 'lamp.json'), JSON.stringify(device));
    for (const line of ['keygen author.pem', 'create lamp.yaml', 'sign lamp.suit --key author.pem']) {
      const args = [lapel, '--quiet', ...line.split(' ')];
      assert.equal(spawnSync(process.execPath, args, { cwd: folder }).status, 0, line);
    }
    const args = [lapel, 'debug', 'lamp.suit', '--device', 'lamp.json', '--trust', 'author.pub.pem'];
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.write('n\nq\n');
    const told: Uint8Array[] = [];
    child.stdout.on('data', (chunk: Uint8Array) => told.push(chunk));
    const [status] = (await once(child, 'exit')) as [number | null];
    assert.equal(status, 0);
    assert.match(Buffer.concat(told).toString(), /condition-vendor-identifier on main/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
