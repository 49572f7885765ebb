import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateSigningKey, macKey } from '@lapel/cose';
import {
  EditError,
  addDependency,
  addPayload,
  buildEnvelope,
  macEnvelope,
  parseDescription,
  severEnvelope,
  signEnvelope,
  verifyEnvelope,
} from '@lapel/author';
import { SuitError, readEnvelope, server, writeEnvelope } from '@lapel/suit';
import { imageOf, memoryImages } from './memory-images.ts';

const image = imageOf('a certificate');
const description = parseDescription(`
sequence: 3
vendor: lapel.example
class: lamp
component: certificate
image: root.der
integrated: true
version: 1.2.0
severable: [text, install]
`);
const built = await buildEnvelope(description, {
  images: memoryImages({ 'root.der': image }),
  clock: { wallMs: () => 0 },
});
const key = generateSigningKey('P-256');
const signed = signEnvelope(writeEnvelope(built), key);
const without = writeEnvelope({ ...readEnvelope(signed, server), payloads: new Map() });
const uri = '#root.der';

const refused = (kind: EditError['kind'], message: RegExp) => (error: unknown) =>
  error instanceof EditError && error.kind === kind && message.test(error.message);

test('§5.4.3: what is severable is cut off, and digest, manifest and signatures stay as they were', () => {
  const { bytes, names } = severEnvelope(signed);
  assert.deepEqual(names, ['install', 'text']);
  const [before, after] = [readEnvelope(signed, server), readEnvelope(bytes, server)];
  assert.deepEqual({ ...after, severed: before.severed }, before);
  assert.deepEqual(after.severed, {});
  assert.equal(verifyEnvelope(bytes, [{ key: key.public }]).authentic.anchors[0].key, key.public);
  assert.throws(() => severEnvelope(bytes), refused('unfit', /found none/));
  assert.throws(() => severEnvelope(bytes, ['text']), refused('unfit', /found it cut off already/));
  assert.throws(() => severEnvelope(bytes, ['coswid']), refused('unfit', /found none/));
});

test('§5.4.3: of several elements only those that are named are cut off', () => {
  const { bytes } = severEnvelope(signed, ['text']);
  assert.deepEqual(Object.keys(readEnvelope(bytes, server).severed), ['install']);
});

test('X-20: an envelope whose severed element was changed is not cut and not completed', () => {
  const envelope = readEnvelope(without, server);
  const changed = writeEnvelope({ ...envelope, severed: { ...envelope.severed, text: Uint8Array.of(0x40) } });
  assert.throws(() => severEnvelope(changed), SuitError);
  assert.throws(() => addPayload(changed, { uri, content: image }), SuitError);
});

test('§7.5: a payload is put in where the manifest fetches one, once, and nothing else is changed', () => {
  const { bytes, isNamed } = addPayload(without, { uri, content: image });
  assert.ok(isNamed);
  assert.deepEqual(bytes, signed);
  assert.throws(() => addPayload(bytes, { uri, content: image }), refused('there', /found one/));
  assert.throws(() => addPayload(without, { uri: '#other', content: image }), refused('unfit', /#root\.der/));
  assert.equal(addPayload(without, { uri, content: imageOf('another') }).isNamed, false);
});

test('S4-48: a payload that makes the envelope larger than anybody reads is not put in', () => {
  const content = new Uint8Array(server.envelopeBytes);
  assert.throws(() => addPayload(without, { uri, content }), SuitError);
});

test('trust-domains §5.2.2: only a manifest with dependencies takes the envelope of one', () => {
  assert.throws(
    () => addDependency(without, { uri, content: signed }),
    refused('unfit', /with dependencies/),
  );
  assert.throws(() => addDependency(without, { uri, content: image }), SuitError);
});

test('suit-mti: a MAC stands beside a signature, and is made once', () => {
  const secret = macKey(new Uint8Array(32).fill(7), Uint8Array.of(1));
  const both = macEnvelope(signed, secret);
  const required = [
    { group: 'author', count: 1 },
    { group: 'device', count: 1 },
  ];
  const anchors = [
    { key: key.public, group: 'author' },
    { key: secret, group: 'device' },
  ];
  assert.equal(verifyEnvelope(both, anchors, required).authentic.anchors.length, 2);
  assert.throws(() => verifyEnvelope(signed, anchors, required), SuitError);
  assert.throws(() => macEnvelope(both, secret), { name: 'AlreadySigned' });
});

test('§8.3: an envelope takes as many blocks as a device reads, and no more', () => {
  const sign = () =>
    Array.from({ length: 9 }, () => generateSigningKey('Ed25519')).reduce(
      (envelope, each) => signEnvelope(envelope, each),
      without,
    );
  assert.throws(sign, (error: unknown) => error instanceof Error && /found 10/.test(error.message));
});
