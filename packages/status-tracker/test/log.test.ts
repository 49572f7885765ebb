import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateSigningKey } from '@lapel/cose';
import { createLog } from '../src/server/log.ts';
import type { LogStore } from '../src/server/log.ts';
import { logMethods } from '../src/server/memory-log.ts';
import { isConsistent, isIncluded, leafHash } from '../src/transparency/merkle-tree.ts';
import { encodeLogEntry, openTreeHead } from '../src/transparency/tree-head.ts';
import { testClock, testKey } from './world.ts';

const trackerKey = testKey('tracker');
const entry = (number: number) => encodeLogEntry('campaign', new Uint8Array(32).fill(number));
const logOn = (store: LogStore) => createLog(store, testClock(), trackerKey);
const opened = async (log: ReturnType<typeof logOn>) => openTreeHead(await log.head(), [trackerKey.public]);

test('S3-10: what is in the log can be found in it, and each head continues every earlier one', async () => {
  const log = logOn(logMethods());
  const heads = [await opened(log)];
  for (let number = 0; number < 20; number++) {
    await log.append([entry(number)]);
    heads.push(await opened(log));
  }
  const last = heads.at(-1)!;
  for (const head of heads) {
    const proof = await log.consistency(head.size, last.size);
    assert.ok(isConsistent(head, last, proof), `${head.size} entries`);
  }
  for (let number = 0; number < 20; number++) {
    const { index, size, proof } = await log.inclusion(entry(number), last.size);
    assert.equal(index, number);
    assert.ok(isIncluded(leafHash(entry(number)), index, { size, root: last.root }, proof));
  }
});

test('what was logged before is not logged again, alone or beside what is new', async () => {
  const log = logOn(logMethods());
  await log.append([entry(1), entry(1)]);
  await log.append([entry(1)]);
  await log.append([entry(1), entry(2)]);
  assert.deepEqual(
    (await log.entries(0, 10)).map((each) => each.entry),
    [entry(1), entry(2)],
  );
});

test('S3-10: trackers that append to one log at once lose nothing and write nothing twice', async () => {
  const store = logMethods();
  const logNode: LogStore['logNode'] = async (...at) => (await turn(), store.logNode(...at));
  const slow = { ...store, logNode };
  const [one, other] = [logOn(slow), logOn(slow)];
  const numbers = Array.from({ length: 30 }, (_, number) => number);
  await Promise.all(
    numbers.flatMap((number) => [one.append([entry(number)]), other.append([entry(number)])]),
  );
  const found = await one.entries(0, 100);
  assert.equal(found.length, numbers.length);
  const head = await opened(one);
  for (const number of numbers) {
    const { index, size, proof } = await other.inclusion(entry(number), head.size);
    assert.ok(isIncluded(leafHash(entry(number)), index, { size, root: head.root }, proof));
  }
});

test('a head that another than the tracker signed is none', async () => {
  const log = createLog(logMethods(), testClock(), generateSigningKey('P-256'));
  await assert.rejects(opened(log), /expected a trusted key/);
});

test('a proof of more entries than there are is refused with both numbers', async () => {
  const log = logOn(logMethods());
  await log.append([entry(1)]);
  await assert.rejects(log.consistency(1, 2), /expected at most 1 entries, found 2/);
  await assert.rejects(log.inclusion(entry(2), 1), /expected an entry of the first 1, found none like it/);
});

const turn = () => new Promise((done) => setImmediate(done));
