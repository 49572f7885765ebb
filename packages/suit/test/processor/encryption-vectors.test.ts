/** The examples of firmware-encryption-24, each through the whole processor to its plaintext. */

import assert from 'node:assert/strict';
import { createECDH } from 'node:crypto';
import { test } from 'node:test';
import type { Item } from '@lapel/cbor';
import { encode, unhex } from '@lapel/cbor';
import { decodeSigningKey, macKey, recipientKey, wrappingKey } from '@lapel/cose';
import type { DecryptionKey, Procedure, SuitError, TrustAnchor } from '@lapel/suit';
import { componentName, linux, strict, virtualRecipient } from '@lapel/suit';
import {
  at,
  attempt,
  component,
  copy,
  fetch,
  forge,
  imageOf,
  match,
  perform,
  recipient,
  set,
} from '../forge.ts';
import { exampleKey, missing, vectorBytes } from '../public-vectors.ts';

const folder = 'firmware-encryption-24';
const utf8 = new TextEncoder();
const plaintext = utf8.encode('This is a real firmware image.');

/** The keys that the document gives; the private number stands beside the vectors. */
function documentKeys(): readonly DecryptionKey[] {
  const notes = new TextDecoder().decode(vectorBytes(folder, 'README.txt'));
  const d = numberIn(notes, /kid-2\) d=([0-9A-F]{64})/);
  return [wrappingKey(utf8.encode('a'.repeat(16)), utf8.encode('kid-1')), recipientKey(privateKey(d))];
}

function numberIn(notes: string, pattern: RegExp): Uint8Array {
  const found = unhex(pattern.exec(notes)?.[1]?.toLowerCase() ?? '');
  assert.ok(found !== undefined && found.length === 32);
  return found;
}

function privateKey(d: Uint8Array) {
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(d);
  const point = new Uint8Array(ecdh.getPublicKey());
  const numbers: readonly (readonly [number, Item])[] = [
    [1, 2],
    [-1, 1],
    [-2, point.slice(1, 33)],
    [-3, point.slice(33)],
    [-4, d],
  ];
  return decodeSigningKey(encode(new Map<Item, Item>(numbers)));
}

for (const name of ['aes-kw-aes-gcm', 'aes-kw-aes-ctr', 'es-ecdh-aes-gcm', 'es-ecdh-aes-ctr']) {
  test(
    `S1-13, X-87, firmware-encryption §6: ${name} is written and copied in plaintext`,
    { skip: missing },
    () => {
      const encryptionInfo = vectorBytes(folder, `suit-encryption-info-${name}.cose`);
      const ciphertext = vectorBytes(folder, `encrypted-payload-${name}.bin`);
      const uri = 'coaps://example.com/encrypted.bin';
      const lamp = () => recipient({ decryptionKeys: nameless(), payloads: new Map([[uri, ciphertext]]) });
      const [toWrite, toCopy] = [lamp(), lamp()];
      const parameters = { encryptionInfo, ...imageOf(plaintext) };
      const write = [set({ content: ciphertext, ...parameters }), perform('directive-write'), match];
      assert.equal(attempt(forge({ sections: { install: write } }), toWrite).failure, undefined);
      assert.deepEqual(toWrite.components.get('00'), plaintext);
      const copied = forge({
        components: [component(0), component(1)],
        sections: {
          install: [
            at(1),
            set({ uri, ...imageOf(ciphertext) }),
            fetch,
            match,
            at(0),
            set({ sourceComponent: 1, ...parameters }),
            copy,
            match,
          ],
        },
      });
      assert.equal(attempt(copied, toCopy).failure, undefined);
      assert.deepEqual(toCopy.components.get('00'), plaintext);
    },
  );
}

/** A key without a name is tried on every recipient: the infos of the document name theirs or don't. */
const nameless = (): readonly DecryptionKey[] =>
  documentKeys().map((key) => {
    const { kid: _, ...rest } = key;
    return rest;
  });

interface Example {
  readonly to: string;
  readonly others?: readonly string[];
  /** Invocation is a matter of its own. */
  readonly procedure?: Procedure;
}

const examples: Readonly<Record<string, Example>> = {
  'aes-kw-content': { to: 'plaintext-firmware' },
  'aes-kw': { to: 'plaintext-firmware', others: ['encrypted-firmware'] },
  'aes-kw-slot': { to: '\0', others: ['\x01'] },
  'es-ecdh-content': { to: 'decrypted-firmware' },
  // §5.1 of trust-domains has every section of a dependency processed; its dependent leaves out validate.
  'es-ecdh-dependency': {
    to: 'decrypted-firmware',
    others: ['dependency-manifest.suit', 'dependent-manifest.suit'],
    procedure: 'installation',
  },
};

function anchorsOf(...more: readonly TrustAnchor[]): readonly TrustAnchor[] {
  return [{ key: exampleKey().public }, { key: macKey(utf8.encode('a'.repeat(32))) }, ...more];
}

/** Who made the encryption-info of the dependency, by delegation. */
function delegate(): TrustAnchor {
  const notes = new TextDecoder().decode(vectorBytes(folder, 'README.txt'));
  return { key: privateKey(numberIn(notes, /DELEGATED key d=([0-9A-F]{64})/)).public };
}

function ending(name: string, decryptionKeys: readonly DecryptionKey[], anchors: readonly TrustAnchor[]) {
  const { to, others = [], procedure = 'update' } = examples[name]!;
  const nameOf = (id: string) => componentName([utf8.encode(id)]);
  const uri = 'coaps://example.com/encrypted-firmware';
  const device = virtualRecipient({
    limits: linux,
    // None of them says which vendor and class it is for.
    policy: { ...strict, acceptsAnyClass: true },
    components: Object.fromEntries([to, ...others].map((id) => [nameOf(id), new Uint8Array()])),
    anchors,
    decryptionKeys,
    payloads: new Map([[uri, vectorBytes(folder, 'encrypted-payload-aes-kw-aes-gcm.bin')]]),
  });
  const envelope = vectorBytes(folder, `suit-manifest-${name}.suit`);
  const { failure } = attempt(envelope, device, procedure, anchors);
  return { failure: failure?.error, content: device.components.get(nameOf(to)) };
}

for (const name of Object.keys(examples)) {
  test(`S1-13, X-12, X-87, firmware-encryption §9: ${name} installs its plaintext`, { skip: missing }, () => {
    const { failure, content } = ending(name, nameless(), anchorsOf(delegate()));
    assert.equal(failure, undefined);
    assert.deepEqual(content, plaintext);
  });

  test(`S1-13, firmware-encryption §9: ${name} stores nothing without its key`, { skip: missing }, () => {
    const [wrap, agree] = nameless();
    const others = [name.startsWith('aes') ? agree! : wrap!];
    for (const keys of [[], others]) {
      const { failure, content } = ending(name, keys, anchorsOf(delegate()));
      assert.equal(failure?.reason, 'unauthorised');
      assert.deepEqual(content, new Uint8Array());
    }
  });
}

test('firmware-encryption §3: without its delegate a dependent is refused', { skip: missing }, () => {
  const refused = ({ stage, reason }: SuitError) => stage === 'auth' && reason === 'unauthorised';
  assert.throws(() => ending('es-ecdh-dependency', nameless(), anchorsOf()), refused);
});
