/** Which events of a server are told how loudly. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTerminal } from 'lapel';
import type { LogFormat, LogLevel } from '../src/serve/server-log.ts';
import { createServerLog } from '../src/serve/create-server-log.ts';

async function logged(format: LogFormat, level: LogLevel) {
  const written: string[] = [];
  const stream = { isTTY: false, columns: 80, write: (text: string) => written.push(text) > 0 };
  const terminal = createTerminal({ stdout: stream, stderr: stream, environment: {} });
  return { log: await createServerLog(terminal, { format, level }), written };
}

const atMs = 1;

test('what an operator is woken for is louder than the steps of a device', async () => {
  const { log, written } = await logged('json', 'info');
  log.change({ atMs, kind: 'device', id: 'a', state: 'fetching', campaign: 'c1' });
  log.change({ atMs, kind: 'device', id: 'a', state: 'failed', campaign: 'c1', because: 'image-mismatch' });
  log.change({ atMs, kind: 'campaign', id: 'c1', state: 'halted', because: '3 of 4 failed' });
  log.notice('campaigns go on');
  log.bug(new TypeError('nobody foresaw it'));
  const lines = written.map((line) => JSON.parse(line) as Record<string, unknown>);
  const told = ({ level, device, campaign, state, because, msg }: Record<string, unknown>) =>
    [level, device, campaign, state, because, msg] as const;
  assert.deepEqual(lines.map(told), [
    ['info', 'a', 'c1', 'failed', 'image-mismatch', 'device failed'],
    ['warn', undefined, 'c1', 'halted', '3 of 4 failed', 'campaign halted'],
    ['warn', undefined, undefined, undefined, undefined, 'campaigns go on'],
    ['error', undefined, undefined, undefined, undefined, 'a bug'],
  ]);
  assert.match(JSON.stringify(lines[3]), /TypeError.*server-log\.test/);
});

test('a person is told what there is to know, in words', async () => {
  const { log, written } = await logged('text', 'debug');
  log.change({ atMs, kind: 'campaign', id: 'c1', state: 'halted' });
  log.notice('campaigns go on');
  assert.deepEqual(written, ['campaigns go on\n']);
  assert.equal(log.tellsAnswers, false);
});
