/** The basic model: who is who in X.secup-iot, in SUIT, and in this house. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

const house = join(import.meta.dirname, '../../..');
const entities = ['Device core', 'Communicator', 'Status tracker', 'Firmware server'];
/** RFC 9019 §2.2, §2.3. */
const roles = [
  ...['author', 'device operator', 'network operator', 'firmware consumer', 'bootloader'],
  ...['status tracker', 'firmware server'],
];

test('S2-01, S2-22: the table of the model names all entities and roles, and rooms that exist', async () => {
  const page = await readFile(join(house, 'ARCHITECTURE.md'), 'utf8');
  const [, section = ''] = page.split('## The four entities of ITU-T X.secup-iot\n');
  const rows = (section.split('\n## ')[0] ?? '')
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.slice(2, -2).split(' | '))
    .slice(2);
  const [theirs, suit, here] = [0, 1, 2].map((column) => rows.map((row) => row[column] ?? ''));
  assert.deepEqual(
    theirs?.filter((name) => name !== '–'),
    entities,
  );
  for (const role of roles) assert.ok(suit?.join().includes(role), role);
  for (const cell of here ?? []) {
    const rooms = [...cell.matchAll(/`(?<room>[^`]+)`/g)].map(({ groups }) => groups?.['room'] ?? '');
    assert.ok(rooms.length > 0, cell);
    for (const room of rooms) assert.ok(existsSync(join(house, 'packages', room)), room);
  }
});
