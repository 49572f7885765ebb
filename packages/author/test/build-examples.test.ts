/**
 * The six examples of draft-ietf-suit-manifest-37 Appendix B, made again from descriptions that say the
 * same.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '@lapel/cbor';
import { authenticate, readEnvelope, server, writeEnvelope } from '@lapel/suit';
import { buildEnvelope, parseDescription, signEnvelope } from '@lapel/author';
import { exampleBytes, exampleImages, exampleKey, missing } from './public-examples.ts';

const compatibility = `
vendor: fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe
class: 1492af14-2569-5e48-bf42-9b2d51f2ab45
`;

const examples: readonly { readonly number: number; readonly what: string; readonly description: string }[] =
  [
    {
      number: 0,
      what: 'secure boot',
      description: `
sequence: 0
component: h'00'
image: file1.bin
present: true
bootable: true
`,
    },
    {
      number: 1,
      what: 'simultaneous download and installation',
      description: `
sequence: 1
component: h'00'
image: file1.bin
uri: http://example.com/file.bin
`,
    },
    {
      number: 2,
      what: 'secure boot and severed fields',
      description: `
sequence: 2
component: h'00'
image: file1.bin
uri: http://example.com/very/long/path/to/file/file.bin
bootable: true
referenceUri: https://git.io/JJYoj
severable: [text, install]
text:
  en-US:
    vendorDomain: arm.com
    componentDescription: This component is a demonstration. The digest is a sample pattern, not a real one.
    manifestDescription: "## Example 2: Simultaneous Download, Installation, Secure Boot,\\
      \\ Severed Fields\\n\\n\\
      \\    This example covers the following templates:\\n    \\n\\
      \\    * Compatibility Check ({{template-compatibility-check}})\\n\\
      \\    * Secure Boot ({{template-secure-boot}})\\n\\
      \\    * Firmware Download ({{firmware-download-template}})\\n    \\n\\
      \\    This example also demonstrates severable elements ({{ovr-severable}}), and text\\
      \\ ({{manifest-digest-text}})."
`,
    },
    {
      number: 3,
      what: 'A/B images',
      description: `
sequence: 3
component: h'00'
slots:
  - { image: file1.bin, uri: http://example.com/file1.bin }
  - { image: file2.bin, uri: http://example.com/file2.bin }
`,
    },
    {
      number: 4,
      what: 'load from external storage',
      description: `
sequence: 4
component: h'00'
image: file1.bin
uri: http://example.com/file.bin
staging: h'02'
load: { id: [h'01'], image: file2.bin }
bootable: true
`,
    },
    {
      number: 5,
      what: 'two images',
      description: `
sequence: 5
components:
  - id: h'00'
    image: file1.bin
    uri: http://example.com/file1.bin
    bootable: true
  - id: h'01'
    image: file2.bin
    uri: http://example.com/file2.bin
`,
    },
  ];

const clock = { wallMs: () => 0 };
const build = async (description: string) =>
  buildEnvelope(parseDescription(compatibility + description), { images: exampleImages, clock });

for (const { number, what, description } of examples) {
  test(
    `S0-02, S0-30: example ${number} (${what}) is made again, byte for byte`,
    { skip: missing },
    async () => {
      const envelope = await build(description);
      const severed = number === 2;
      const expected = exampleBytes(`example${number}-unsigned${severed ? '-severed' : ''}.suit`);
      assert.equal(hex(writeEnvelope(severed ? { ...envelope, severed: {} } : envelope)), hex(expected));

      const signed = readEnvelope(exampleBytes(`example${number}-signed.suit`), server);
      assert.equal(hex(writeEnvelope({ ...envelope, blocks: signed.blocks })), hex(writeEnvelope(signed)));
    },
  );

  test(
    `§8.3: example ${number}, signed here, is authentic to whoever trusts the key`,
    { skip: missing },
    async () => {
      const key = exampleKey();
      const signed = signEnvelope(writeEnvelope(await build(description)), key);
      assert.equal(authenticate(signed, [{ key: key.public }], server).manifest.sequenceNumber, number);
    },
  );
}
