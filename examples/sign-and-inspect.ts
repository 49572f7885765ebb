/** An author describes an update in YAML, builds its envelope, signs it, and looks at what was signed. */

import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildEnvelope, fileImages, inspectEnvelope, inspectionText, parseDescription } from '@lapel/author';
import { signEnvelope, verifyEnvelope } from '@lapel/author';
import { generateSigningKey } from '@lapel/cose';
import { writeEnvelope } from '@lapel/suit';
import { systemClock } from '@lapel/transport';

const description = `
sequence: 2
vendor: lapel.example
class: lamp
component: main
image: lamp/build/lamp-1.1.0.bin
version: 1.1.0
`;

const here = dirname(fileURLToPath(import.meta.url));
const world = { images: fileImages(here), clock: systemClock };
const envelope = await buildEnvelope(parseDescription(description, 'lamp.yaml'), world);
const author = generateSigningKey('P-256');
const signed = signEnvelope(writeEnvelope(envelope), author);
console.log(inspectionText(inspectEnvelope(signed)));

// Whoever trusts the author's public key can tell the envelope from any other one.
const trusted = [{ key: author.public }];
console.log(`sequence ${verifyEnvelope(signed, trusted).authentic.manifest.sequenceNumber} is the author's`);
try {
  verifyEnvelope(signed.with(signed.length - 1, (signed.at(-1) ?? 0) ^ 1), trusted);
} catch (error) {
  console.log('changed by one bit, it is refused:', error instanceof Error ? error.message : error);
}
