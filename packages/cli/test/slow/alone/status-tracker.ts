import assert from 'node:assert/strict';
import { createMemoryStore, openSqliteInThread } from '@lapel/status-tracker';
import { createTrackerClient } from '@lapel/status-tracker/client';
import { protocolVersion } from '@lapel/status-tracker/protocol';

assert.equal(await createMemoryStore().device('nobody'), undefined);
const inThread = await openSqliteInThread({ path: 'fleet.sqlite' });
assert.equal(await inThread.device('nobody'), undefined);
await inThread.close();
assert.equal(protocolVersion, 1);
assert.equal(typeof createTrackerClient, 'function');
