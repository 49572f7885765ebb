/** The store in SQLite, asked from another thread: what goes across is what would have been there. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'node:test';
import { Problem } from '@lapel/transport';
import { createSqliteStore, openSqliteInThread, SchemaError } from '../../src/index.ts';
import { compact, errorOf, failureOf } from '../../src/server/thread/across.ts';
import { testFleetStore } from '../fleet-store-suite.ts';

testFleetStore('the store in SQLite, in a thread of its own', () => openSqliteInThread({ path: ':memory:' }));

test('S3-10: of what was read from a network only the part that is meant goes to another thread', () => {
  const signed = new Uint8Array(65_536).subarray(100, 200).fill(7);
  const [[record]] = compact([[{ signed, atMs: 1, none: undefined }]]) as [[{ signed: Uint8Array }]];
  assert.equal(record.signed.buffer.byteLength, 100);
  assert.deepEqual(record, { signed, atMs: 1, none: undefined });
});

test('S3-10: what a store refuses is the same refusal in another thread, with its cause', () => {
  const cause = Object.assign(new Error('database or disk is full'), { errcode: 13 });
  const full = new Problem('storage-full', 'expected room for the fleet, found the disk full', { cause });
  const told = errorOf(structuredClone(failureOf(full)));
  assert.ok(told instanceof Problem);
  assert.deepEqual([told.code, told.detail], [full.code, full.detail]);
  assert.ok(told.cause instanceof Error && 'errcode' in told.cause);
  assert.deepEqual([told.cause.message, told.cause.errcode], [cause.message, 13]);
});

test('S3-10: a store of a newer version is not opened, from another thread either', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'lapel-fleet-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'fleet.sqlite');
  await createSqliteStore({ path }).close();
  const db = new DatabaseSync(path);
  db.exec('PRAGMA user_version = 9999');
  db.close();
  await assert.rejects(openSqliteInThread({ path }), SchemaError);
  await assert.rejects(openSqliteInThread({ path: folder }), { errcode: 14 });
});
