import assert from 'node:assert/strict';
import { createMemoryStore } from '@lapel/status-tracker';
import { createTrackerClient } from '@lapel/status-tracker/client';
import { protocolVersion } from '@lapel/status-tracker/protocol';

assert.equal(await createMemoryStore().device('nobody'), undefined);
assert.equal(protocolVersion, 1);
assert.equal(typeof createTrackerClient, 'function');
