import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unhex } from '@lapel/cbor';
import { uuidFromName } from '@lapel/cose';
import { classIdentifier, uuidBytes, uuidText, vendorIdentifier } from '@lapel/suit';

test('§8.4.8.2: an enterprise number makes a UUID in its namespace, and classes are named below it', () => {
  // RFC 9562 §6.6 has the namespace of object identifiers; IANA's arc for enterprises lies in it.
  const objects = uuidBytes('6ba7b812-9dad-11d1-80b4-00c04fd430c8')!;
  const enterprises = uuidFromName(objects, unhex('d86f452b06010401')!);
  assert.equal(uuidText(enterprises), '47fbdabb-f2e4-55f0-bb39-3620c2f6df4e');
  // RFC 5612 keeps 32473 for examples: 1 * 128² + 125 * 128 + 89.
  const vendor = uuidFromName(enterprises, unhex('d8704381fd59')!);
  assert.deepEqual(vendorIdentifier('pen:32473'), vendor);
  assert.deepEqual(vendorIdentifier('pen:9'), uuidFromName(enterprises, unhex('d8704109')!));
  assert.notDeepEqual(vendorIdentifier('pen.example'), vendor);
  assert.deepEqual(
    classIdentifier(vendorIdentifier('pen:32473'), 'lamp'),
    uuidFromName(vendor, new TextEncoder().encode('lamp')),
  );
});
