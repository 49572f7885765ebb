import assert from 'node:assert/strict';
import { CoseError, generateSigningKey, openSigned, signAttached } from '@lapel/cose';

const key = generateSigningKey('P-256');
const sealed = signAttached(key, new Uint8Array([1, 2, 3]));
assert.deepEqual(openSigned(sealed, [key.public]).payload, new Uint8Array([1, 2, 3]));
assert.throws(() => openSigned(sealed, [generateSigningKey('P-256').public]), CoseError);
