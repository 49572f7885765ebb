import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import type { Item } from '@lapel/cbor';
import { encode, Tagged } from '@lapel/cbor';
import fc from 'fast-check';
import type { Part } from '@lapel/author';
import { inspectEnvelope, inspectionText } from '@lapel/author';
import { exampleBytes, missing, vectorBytes, vectorFolder } from './public-examples.ts';

const parts = (part: Part): readonly Part[] => [part, ...(part.parts ?? []).flatMap(parts)];
const errors = (bytes: Uint8Array) =>
  parts(inspectEnvelope(bytes)).filter(({ error }) => error !== undefined);

for (const number of [0, 1, 2, 3, 4, 5]) {
  test(`S0-04: every element of example ${number} has its registered name`, { skip: missing }, () => {
    const found = parts(inspectEnvelope(exampleBytes(`example${number}-signed.suit`)));
    assert.deepEqual(
      found.filter(({ name, error }) => name.startsWith('unknown') || error !== undefined),
      [],
    );
  });
}

test(
  'S0-04: what the severed example holds is told, and what it only has the digest of',
  { skip: missing },
  () => {
    const whole = inspectionText(inspectEnvelope(exampleBytes('example2-signed.suit')));
    assert.match(whole, /^ {4}install \(20\) {2}severed, in this envelope: sha-256 cfa90c5c/m);
    assert.match(whole, /component-description \(5\) {2}"This component is a demonstration/);
    const cut = inspectionText(inspectEnvelope(exampleBytes('example2-signed-severed.suit')));
    assert.match(cut, /^ {4}install \(20\) {2}severed, not in this envelope: sha-256 cfa90c5c/m);
  },
);

test('S0-31: every derived vector is shown to its end, bad ones with the error', { skip: missing }, () => {
  const files = readdirSync(vectorFolder('derived-37')).filter((name) => name.endsWith('.suit'));
  assert.ok(files.length > 50);
  for (const file of files) {
    const text = inspectionText(inspectEnvelope(vectorBytes('derived-37', file)));
    assert.match(text, /authentication-wrapper|error:/, file);
  }
  const named = (file: string, name: RegExp) =>
    assert.match(inspectionText(inspectEnvelope(vectorBytes('derived-37', file))), name, file);
  named('U10-set-version.suit', /set-version \(6\) {2}1\.2\.3/);
  named('U04-version-prerelease.suit', /version \(28\) {2}greater 2\.0\.0/);
  named('D01-integrated-dependency.suit', /dependencies \(1\)/);
  named('D01-integrated-dependency.suit', /directive-process-dependency \(11\) {2}reports nothing/);
  named('N53-unknown-command.suit', /unknown \(\d+\)/);
  named('N64-severed-mismatch.suit', /error: expected what it covers, found another/);
  named('P06-mac0-only.suit', /COSE_Mac0, HMAC 256\/256 \(5\)/);
  named('N14-attached-payload.suit', /error: expected a detached payload, found one inside/);
});

test(
  'S1-12: an envelope that breaks off anywhere is shown as far as it goes, with an error',
  { skip: missing },
  () => {
    const whole = exampleBytes('example4-signed.suit');
    for (let length = 0; length < whole.length; length++) {
      assert.ok(errors(whole.subarray(0, length)).length > 0, `${length} bytes`);
    }
  },
);

test('design §12.8: no bit flipped in an envelope makes the inspection throw', { skip: missing }, () => {
  const whole = exampleBytes('example2-signed.suit');
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const flipped = Uint8Array.from(whole);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.doesNotThrow(() => inspectionText(inspectEnvelope(flipped)), `bit ${bit}`);
  }
});

test('S0-04: every example of firmware-encryption-24 is shown to its end', { skip: missing }, () => {
  for (const name of ['aes-kw-content', 'aes-kw', 'aes-kw-slot', 'es-ecdh-content', 'es-ecdh-dependency']) {
    const whole = vectorBytes('firmware-encryption-24', `suit-manifest-${name}.suit`);
    assert.deepEqual(errors(whole), [], name);
    assert.match(inspectionText(inspectEnvelope(whole)), /COSE_Encrypt, A128GCM \(1\), 1 recipient\n/);
  }
});

test('S0-04: an older envelope without its tag is shown all the same', { skip: missing }, () => {
  const found = inspectEnvelope(exampleBytes('example0-signed.suit').subarray(2));
  assert.deepEqual(
    found.parts?.map(({ name }) => name),
    ['tag', 'authentication-wrapper', 'manifest'],
  );
  assert.equal(found.parts?.[0]?.error, 'expected tag 107, found none');
});

test('design §12.8: whatever a payload or a component is called, it is shown', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.uint8Array({ maxLength: 40 }), (name, bytes) => {
      const hostile = encode(new Tagged(107, new Map([['"' + name + '\\n', bytes]])));
      assert.match(inspectionText(inspectEnvelope(hostile)), /integrated-payload/);
      assert.equal(inspectEnvelope(bytes).name, 'envelope');
    }),
  );
});

test('design §12.8: an envelope full of components, or with an endless name, is shown', () => {
  const inManifest = (components: Item) =>
    encode(new Tagged(107, new Map([[3, encode(new Map([[3, encode(new Map([[2, components]]))]]))]])));
  const many = inspectionText(inspectEnvelope(inManifest(Array.from({ length: 300_000 }, () => []))));
  assert.equal(many.split('\n').length > 300_000, true);
  const long = inspectionText(inspectEnvelope(inManifest([[new Uint8Array(1_000_000).fill(0x61)]])));
  assert.match(long, /0 {2}a{1000}/);
});

test('design §12.8: text from an envelope can’t steer the terminal that it is shown on', () => {
  const text = encode(new Map([['en', new Map([[1, '\u001b[2Jgone\u009b\u202eback\nnext']])]]));
  const hostile = encode(
    new Tagged(
      107,
      new Map<number | string, Uint8Array>([
        [23, text],
        ['#\u001b[1A', text],
      ]),
    ),
  );
  const shown = inspectionText(inspectEnvelope(hostile));
  assert.match(shown, /gone/);
  for (const steering of ['\u001b', '\u009b', '\u202e']) assert.ok(!shown.includes(steering));
});
