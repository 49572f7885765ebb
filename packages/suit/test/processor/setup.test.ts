/** draft-ietf-suit-manifest-37 §6.1, §6.2: what is refused before any command runs. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from '@lapel/suit';
import { linux, vendorIdentifier, classIdentifier } from '@lapel/suit';
import {
  at,
  compatible,
  component,
  fail,
  forge,
  lamp,
  match,
  perform,
  process,
  recipient,
  refusal,
  runSequence,
  set,
  tryEach,
  vendor,
} from '../forge.ts';

const firmware = new TextEncoder().encode('the new firmware');
const two = [component(0), component(1)];
const withFirmware = { payloads: new Map([['http://example.com/f', firmware]]) };

/** Writes one byte into the current component, so that the trace tells which command ran where. */
const mark = (byte: number): readonly Command[] => [
  set({ content: Uint8Array.of(byte) }),
  perform('directive-write'),
];

test('X-65, §6.2: with several components each sequence begins with set-component-index', () => {
  assert.throws(
    () => process(forge({ components: two, shared: compatible, sections: { install: [at(0), ...mark(5)] } })),
    refusal(
      'setup',
      'component-unsupported',
      /sharedSequence of several components to begin with set-component-index/,
    ),
  );
  assert.throws(
    () => process(forge({ components: two, sections: { install: [at(0), ...mark(5)], validate: [match] } })),
    refusal('setup', 'component-unsupported', /validate of several components to begin/),
  );
});

test('X-64, §6.2: no custom command in the shared sequence, however deep', () => {
  const custom: Command = { name: 'custom', code: -300, argument: null };
  for (const shared of [
    [...compatible, custom],
    [...compatible, runSequence(tryEach([fail], [custom]))],
  ]) {
    assert.throws(
      () => process(forge({ shared, sections: { validate: [match] } })),
      refusal('setup', 'command-unsupported', /shared sequence, found custom/),
    );
  }
});

test('§5.3.2: no directive with an effect in the shared sequence, however deep', () => {
  for (const name of ['write', 'fetch', 'copy', 'swap', 'invoke'] as const) {
    const effect = perform(`directive-${name}`);
    for (const shared of [
      [...compatible, effect],
      [...compatible, tryEach([fail], [effect])],
    ]) {
      const lampDevice = recipient(withFirmware);
      assert.throws(
        () => process(forge({ shared, sections: { validate: [match] } }), lampDevice),
        refusal('setup', 'command-unsupported', new RegExp(`shared sequence, found directive-${name}`)),
      );
      assert.deepEqual(lampDevice.trace, []);
    }
  }
});

test('X-64, §6.2: the shared sequence checks vendor and class', () => {
  for (const missing of [1, 2]) {
    const shared = compatible.filter((_, index) => index !== missing);
    assert.throws(
      () => process(forge({ shared, sections: { validate: [match] } })),
      refusal('setup', 'condition-failed', /in the shared sequence, found none/),
    );
  }
});

test('S0-06, S4-33: a device of another vendor or class changes nothing', () => {
  const envelope = forge({ sections: { install: [...mark(5)] } });
  const strangers = [
    recipient({ vendor: new Uint8Array(16) }),
    recipient({ class: new Uint8Array(16) }),
    recipient({ vendor: new Uint8Array(), class: new Uint8Array() }),
  ];
  for (const stranger of strangers) {
    assert.throws(() => process(envelope, stranger), refusal('run', 'condition-failed', /sharedSequence/));
    assert.deepEqual(stranger.trace, []);
  }
});

test('X-63, §6.2: more components than the target has, none, one twice or an unknown one is refused', () => {
  const many = Array.from({ length: linux.components + 1 }, (_, index) => component(index));
  const rows = [
    [many, /expected at most 32 components, found 33/],
    [[component(0), component(0)], /each component once/],
    [[component(9)], /components of this device, found "09"/],
    [[[]], /components of this device, found "\."/],
    [[[new Uint8Array(256).fill(7), new Uint8Array(256)]], /components of this device, found "07/],
  ] as const;
  for (const [components, message] of rows) {
    const envelope = forge({ components, sections: { install: [at(0), fail] } });
    assert.throws(() => process(envelope), refusal('setup', 'component-unsupported', message));
  }
});

test('X-60, S4-40: a lower sequence number is refused; an equal one only from the same manifest', () => {
  const sections = { install: mark(5) };
  const floorAt = (sequenceNumber: number, manifestDigest?: Uint8Array) =>
    recipient({ floor: { sequenceNumber, ...(manifestDigest === undefined ? {} : { manifestDigest }) } });
  for (const sequenceNumber of [5, 6, 2 ** 33, Number.MAX_SAFE_INTEGER]) {
    process(forge({ sequenceNumber, sections }), floorAt(5));
  }
  assert.throws(
    () => process(forge({ sequenceNumber: 4, sections }), floorAt(5)),
    refusal('setup', 'unauthorised', /5 or higher, found 4/),
  );
  assert.throws(
    () => process(forge({ sequenceNumber: 5, sections }), floorAt(5, new Uint8Array(32))),
    refusal('setup', 'unauthorised', /above 5, found another manifest/),
  );
  process(forge({ sequenceNumber: 6, sections }), floorAt(5, new Uint8Array(32)));
});

test('X-76, §8.4.8.2: identifiers are derived as the draft derives them', () => {
  const arm = vendorIdentifier('arm.com');
  assert.equal(Buffer.from(arm).toString('hex'), 'fa6b4a53d5ad5fdfbe9de663e4d41ffe');
  assert.equal(Buffer.from(classIdentifier(arm, 'suit')).toString('hex'), '1492af1425695e48bf429b2d51f2ab45');
  assert.notDeepEqual(classIdentifier(vendor, 'lamp'), classIdentifier(arm, 'lamp'));
  assert.deepEqual(classIdentifier(vendor, 'lamp'), lamp);
});
