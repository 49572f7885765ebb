/** What a server tells programs that collect logs. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createStage, until } from '../stage.ts';

const linesOf = (output: string): readonly Record<string, unknown>[] =>
  output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('each event of a server is a line of JSON, and none holds a secret', async (t) => {
  const stage = await createStage(t);
  const server = await stage.serving('--log', 'json', '--log-level', 'debug');
  stage.environment['LAPEL_SERVER'] = server.url;
  const file = join(stage.folder, 'data/tokens/viewer.token');
  const token = (await readFile(file, 'utf8')).trim();
  await stage.lapel('devices', '--token-file', file);
  assert.equal((await fetch(`${server.url}/releases?access_token=${token}`)).status, 401);
  await until(server, /"path":"\/releases"/);
  const told = linesOf(server.output).filter(({ msg }) => msg === 'answered');
  const found = told.map(({ level, method, path, status }) => ({ level, method, path, status }));
  assert.deepEqual(found, [
    { level: 'debug', method: 'GET', path: '/devices', status: 200 },
    { level: 'debug', method: 'GET', path: '/releases', status: 401 },
  ]);
  for (const { time, ms } of told) {
    assert.match(String(time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    assert.equal(typeof ms, 'number');
  }
  assert.ok(!server.output.includes(token));
});
