import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { buildEnvelope, fileImages, inspectEnvelope, inspectionText, parseDescription } from '@lapel/author';
import { signEnvelope, verifyEnvelope } from '@lapel/author';
import { generateSigningKey } from '@lapel/cose';
import { writeEnvelope } from '@lapel/suit';

await writeFile('lamp.bin', 'firmware of a lamp');
const description = parseDescription(`
vendor: example.com
class: lamp
sequence: 7
component: ["00"]
image: lamp.bin
uri: http://example.com/lamp.bin
`);
const envelope = await buildEnvelope(description, { images: fileImages('.'), clock: { wallMs: () => 0 } });
const key = generateSigningKey('Ed25519');
const signed = signEnvelope(writeEnvelope(envelope), key);
assert.equal(verifyEnvelope(signed, [{ key: key.public }]).authentic.manifest.sequenceNumber, 7);
assert.match(inspectionText(inspectEnvelope(signed)), /sequence-number/);
