import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '@lapel/cbor';
import { classIdentifier, vendorIdentifier } from '@lapel/suit';
import { DescriptionError, parseDescription } from '@lapel/author';

const minimal = `sequence: 7
vendor: lapel.example
class: lamp
component: main
image: lamp.bin
`;

test('§8.4.8.2: vendor and class are named, and become version 5 UUIDs', () => {
  const { vendorIdentifier: vendor, classIdentifier: deviceClass } = parseDescription(minimal);
  assert.equal(hex(vendor), hex(vendorIdentifier('lapel.example')));
  assert.equal(hex(deviceClass), hex(classIdentifier(vendor, 'lamp')));
});

test('S0-30: JSON says the same as YAML', () => {
  const json = JSON.stringify({
    sequence: 7,
    vendor: 'lapel.example',
    class: 'lamp',
    component: ['main'],
    image: 'lamp.bin',
  });
  assert.deepEqual(parseDescription(json), parseDescription(minimal));
});

test('S0-30: one component in short is the same as a list of one', () => {
  const long = `sequence: 7
vendor: lapel.example
class: lamp
components:
  - id: main
    image: lamp.bin
`;
  assert.deepEqual(parseDescription(long), parseDescription(minimal));
});

test('§8.4.5.1: a component identifier has parts, and a part may be bytes', () => {
  const { components } = parseDescription(minimal.replace('main', "[soc, h'00ff', 3]"));
  assert.deepEqual(components[0]?.id.map(hex), ['736f63', '00ff', '33']);
});

test('§8.4.4: a version is a text as it was written, not a number', () => {
  const { text } = parseDescription(`${minimal}version: 1.10\n`);
  assert.deepEqual(text?.rest[0]?.[1].rest[0]?.[1], {
    vendorDomain: 'lapel.example',
    modelInfo: 'lamp',
    componentVersion: '1.10',
  });
});

test('§8.4.4: texts in several languages stay apart', () => {
  const { text } = parseDescription(`${minimal}language: de
description: Behebt den Dimmer.
text:
  en: { manifestDescription: Mends the dimmer., componentVersion: 2.0.0 }
`);
  assert.deepEqual(
    text?.rest.map(([language, { manifestDescription }]) => [language, manifestDescription]),
    [
      ['de', 'Behebt den Dimmer.'],
      ['en', 'Mends the dimmer.'],
    ],
  );
});

/** What is wrong, and the message that says how to mend it. */
const mistakes: readonly (readonly [what: string, text: string, message: string])[] = [
  [
    'a misspelt key',
    minimal.replace('image:', 'imgae:'),
    'd.yaml:5: expected a key that a description has, found "imgae"; did you mean image?',
  ],
  [
    'a key in another spelling',
    `${minimal}reference-uri: x\n`,
    'd.yaml:6: expected a key that a description has, found "reference-uri"; did you mean referenceUri?',
  ],
  [
    'a missing key',
    minimal.replace(/vendor.*\n/, ''),
    'd.yaml:1: expected the key vendor, such as vendor: lapel.example, found none',
  ],
  [
    'a negative sequence number',
    minimal.replace('7', '-1'),
    'd.yaml:1: expected sequence (or the word now) to be a whole number from 0, found -1',
  ],
  ['an empty value', minimal.replace('lamp.bin', ''), 'd.yaml:5: expected image to be a text, found nothing'],
  [
    'two sources of a payload',
    `${minimal}uri: http://x.example/\nintegrated: true\n`,
    'd.yaml:6: expected one of uri, integrated and present, found uri as a second one',
  ],
  [
    'a difference that is to be compressed, too',
    `${minimal}compress: true\ndeltaFrom: old.bin\n`,
    'd.yaml:7: expected one of compress and deltaFrom, found both: a difference is always compressed',
  ],
  [
    'an image in the envelope that is to be compressed',
    `${minimal}integrated: true\ncompress: true\n`,
    'd.yaml:7: expected compress for an image that is downloaded, found integrated: true beside it',
  ],
  [
    'a difference to an image that is not downloaded',
    `${minimal}present: true\ndeltaFrom: old.bin\n`,
    'd.yaml:7: expected deltaFrom for an image that is downloaded, found present: true beside it',
  ],
  [
    'a difference that is staged where its precursor is not',
    `${minimal}deltaFrom: old.bin\nstaging: outside\n`,
    'd.yaml:6: expected deltaFrom for an image that is fetched into its component, found staging beside it',
  ],
  [
    'a ciphertext that is decrypted on no way',
    `${minimal}encryptFor: [lamp.key]\n`,
    'd.yaml:6: expected staging, where the ciphertext is downloaded to, or integrated: true, found neither',
  ],
  [
    'a ciphertext beside slots',
    `${minimal.replace(/image.*\n/, '')}encryptFor: [a.key]\nslots: [{ image: a.bin }, { image: b.bin }]\n`,
    'd.yaml:5: expected encryptFor with one image, found slots',
  ],
  [
    'an encryption for nobody',
    `${minimal}encryption: A128GCM\n`,
    'd.yaml:6: expected encryptFor beside encryption, found none',
  ],
  [
    'an encryption that nobody knows',
    `${minimal}staging: outside\nencryptFor: [lamp.key]\nencryption: ROT13\n`,
    'd.yaml:8: expected one of A128GCM, A192GCM, A256GCM, ChaCha20/Poly1305, A128CTR, A192CTR, A256CTR, ' +
      'found "ROT13"',
  ],
  [
    'a difference beside slots',
    `${minimal.replace(/image.*\n/, '')}deltaFrom: old.bin\nslots: [{ image: a.bin }, { image: b.bin }]\n`,
    'd.yaml:5: expected deltaFrom inside one of slots, found it beside them',
  ],
  [
    'bytes that are none',
    minimal.replace('main', "h'0'"),
    "d.yaml:4: expected a part of an identifier of at most 256 bytes, found h'0'",
  ],
  [
    'an unknown severable element',
    `${minimal}severable: [invoke]\n`,
    'd.yaml:6: expected one of payloadFetch, install, text, found "invoke"',
  ],
  [
    'a staging area that is the component itself',
    `${minimal}staging: main\n`,
    'd.yaml:1: expected each component once, found 6d61696e (hexadecimal) again',
  ],
  [
    'one slot only',
    `${minimal.replace(/image.*\n/, '')}slots: [{ image: a.bin }]\n`,
    'd.yaml:5: expected 2 to 16 items in slots, found 1',
  ],
  [
    'a slot named twice',
    `${minimal.replace(/image.*\n/, '')}slots:\n  - { image: a, slot: 1 }\n  - { image: b }\n`,
    'd.yaml:7: expected each slot once, found 1 again',
  ],
  [
    'no language',
    `${minimal}text: { '': {} }\n`,
    'd.yaml:6: expected a language tag such as en or de-AT, found ""',
  ],
  ['an alias', `${minimal}text: *x\n`, 'd.yaml:6: expected text to be a map of keys, found an alias'],
  ['a key twice', `${minimal}class: bulb\n`, 'd.yaml:6: expected YAML or JSON, found a mistake in it'],
  ['a list', '- 1\n', 'd.yaml:1: expected a description to be a map of keys, found a list'],
  ['nothing', '', 'd.yaml:1: expected a description to be a map of keys, found nothing'],
];

for (const [what, text, message] of mistakes) {
  test(`S0-30: ${what} is refused with its line and the mend`, () => {
    assert.throws(
      () => parseDescription(text, 'd.yaml'),
      (error) => {
        assert.ok(error instanceof DescriptionError);
        assert.equal(error.message.slice(0, message.length), message);
        return true;
      },
    );
  });
}

test('design §12.8: aliases that would grow into gigabytes are refused', () => {
  const rows = [
    'k0: &k0 [x, x]',
    ...Array.from({ length: 9 }, (_, index) => `k${index + 1}: &k${index + 1} [*k${index}, *k${index}]`),
  ];
  assert.throws(() => parseDescription(rows.join('\n'), 'd.yaml'), DescriptionError);
  assert.throws(() => parseDescription(`${minimal}text: ${'x'.repeat(300_000)}`, 'd.yaml'), /at most 262144/);
});
