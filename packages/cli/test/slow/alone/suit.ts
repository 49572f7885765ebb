import assert from 'node:assert/strict';
import { SuitError, authenticate, class1, classIdentifier, uuidText, vendorIdentifier } from '@lapel/suit';

// RFC 4122's namespace for domain names is the same everywhere, and so is what follows from it.
const vendor = vendorIdentifier('arm.com');
assert.equal(uuidText(vendor), 'fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe');
assert.equal(uuidText(classIdentifier(vendor, 'smart-home-lamp')).length, 36);
assert.throws(() => authenticate(new Uint8Array([0]), [], class1), SuitError);
