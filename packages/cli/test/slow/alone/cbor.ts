import assert from 'node:assert/strict';
import { CborError, decode, diagnostic, encode } from '@lapel/cbor';

const item = new Map([[1, 'a lamp']]);
assert.equal(diagnostic(decode(encode(item))), '{1: "a lamp"}');
assert.throws(() => decode(encode(item).subarray(1)), CborError);
