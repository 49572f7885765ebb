import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '@lapel/cbor';
import { classIdentifier, vendorIdentifier } from '@lapel/suit';
import { DescriptionError, parseDescription } from '@lapel/author';
import { minimal, mistakes } from './mistaken-descriptions.ts';

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
