import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Board } from '@lapel/device';
import { class1 } from '@lapel/device';
import { portSuite } from '@lapel/device/port-suite';
import { norFlash } from '@lapel/simulator';
import { systemClock, systemRandom } from '@lapel/transport';
import { lookingAt, makeCounterFile, openCounterFile } from '../src/device/counter-file.ts';

const folder = await mkdtemp(join(tmpdir(), 'lapel-counter-'));
test.after(() => rm(folder, { recursive: true }));

const { geometry, slots } = class1().layout;
const board = (path: string): Board => ({
  flash: norFlash({ geometry }),
  counter: openCounterFile(path),
  clock: systemClock,
  random: systemRandom,
});

const path = join(folder, 'lamp.counter');
makeCounterFile(path);
const checks = portSuite(board(path), slots[1].image, { reopen: () => board(path) });
for (const { name, requirement, run } of checks.filter(({ part }) => part === 'counter')) {
  test(`${requirement}: in a file, ${name}`, async () => {
    assert.ok(run);
    await run();
  });
}

test('S4-40: a counter is made once, and raising it leaves no other file behind', async () => {
  const [own, name] = [join(folder, 'own'), 'own'];
  makeCounterFile(own).raise(7);
  assert.equal(openCounterFile(own).read(), 7);
  assert.throws(() => makeCounterFile(own), { code: 'EEXIST' });
  assert.deepEqual(
    (await readdir(folder)).filter((each) => each.startsWith(name)),
    [name],
  );
});

test('S4-40: what is no counter is not taken for one', async () => {
  const other = join(folder, 'other');
  for (const content of ['', 'lapel counter 1, \n', 'lapel counter 1, 5', 'lapel counter 2, 5\n', '5\n']) {
    await writeFile(other, content);
    assert.throws(() => openCounterFile(other), { name: 'CommandFailure' });
  }
  assert.throws(() => openCounterFile(join(folder, 'nowhere')), { code: 'ENOENT' });
});

test('whoever looks at a counter does not raise it', () => {
  const own = makeCounterFile(join(folder, 'looked-at'));
  lookingAt(own).raise(9);
  assert.equal(own.read(), 0);
});
