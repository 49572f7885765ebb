import assert from 'node:assert/strict';
import { exitCodes } from 'lapel';

assert.equal(Object.values(exitCodes).includes(0), true);
