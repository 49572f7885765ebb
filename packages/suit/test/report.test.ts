/**
 * SUIT_Report (draft-ietf-suit-report-19): records of a run, and reports that are signed, read and refused.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bstr, decode, encode, read, write } from '@lapel/cbor';
import type { Tagged } from '@lapel/cbor';
import { generateSigningKey, signAttached } from '@lapel/cose';
import type { Command, Report, SuitRecord } from '@lapel/suit';
import {
  Digest,
  digestOf,
  failureResult,
  openReport,
  readEnvelope,
  linux,
  readManifest,
  reportReason,
  reportReasons,
  sectionBytes,
  sections,
  signReport,
} from '@lapel/suit';
import {
  at,
  attempt,
  compatible,
  component,
  fail,
  fetch,
  forge,
  imageOf,
  perform,
  refusal,
  runSequence,
  set,
  tryEach,
} from './forge.ts';

const firmware = Uint8Array.of(1, 2, 3);
const two = [component(0), component(1)];

/**
 * The code that stands at the offset that a record names: what the server of a report looks up (suit-report
 * §4).
 */
function commandAt(envelope: Uint8Array, { section, offset }: SuitRecord): number {
  const parts = readEnvelope(envelope, linux);
  const manifest = readManifest(read(bstr, parts.manifest));
  const name = (Object.keys(sections) as (keyof typeof sections)[]).find(
    (each) => sections[each] === section,
  );
  const encoded = sectionBytes({ manifest, envelope: parts }, name ?? 'install');
  const code = encoded?.[offset] ?? 0;
  return code === 0x18 ? (encoded?.[offset + 1] ?? 0) : code;
}

const recordsOf = (install: readonly Command[], options = {}) => {
  const envelope = forge({ components: two, sections: { install }, ...options });
  return { envelope, ending: attempt(envelope) };
};

test('§8.4.7: a command is recorded on success, on failure, on both or never, as its policy asks', () => {
  const kept = (policy: number, holds: boolean) => {
    const condition = [
      set({ content: holds ? firmware : Uint8Array.of(9) }),
      perform('condition-check-content', policy),
    ];
    const { ending } = recordsOf([at(0), tryEach(condition, [at(0)])]);
    return ending.records.length;
  };
  assert.deepEqual(
    [0, 1, 2, 3, 12, 15].map((policy) => kept(policy, true)),
    [0, 1, 0, 1, 0, 1],
  );
  assert.deepEqual(
    [0, 1, 2, 3, 12, 15].map((policy) => kept(policy, false)),
    [0, 0, 1, 1, 0, 1],
  );
});

test('§8.4.7: a directive that aborts is recorded, too', () => {
  for (const [policy, count] of [
    [2, 1],
    [1, 0],
  ] as const) {
    const { ending } = recordsOf([at(0), set({ uri: '#none' }), perform('directive-fetch', policy)]);
    assert.equal(ending.records.length, count);
    assert.ok(refusal('run', 'operation-failed')(ending.failure?.error));
    assert.equal(ending.failure?.record.properties.uri, '#none');
  }
});

test('§8.4.7: with a list or true as index there is one record for each component, in that order', () => {
  for (const [index, expected] of [
    [true, [0, 1]],
    [
      [1, 0],
      [1, 0],
    ],
  ] as const) {
    const { ending } = recordsOf([
      at(index),
      set({ componentSlot: 0 }),
      perform('condition-component-slot', 1),
    ]);
    assert.deepEqual(
      ending.records.map((each) => each.component),
      expected,
    );
  }
});

test('suit-report §4: a record names section, byte offset, component, and what the command consumed', () => {
  const slot = [
    set({ componentSlot: 0, uri: 'http://example.com/f' }),
    perform('condition-component-slot', 15),
  ];
  const install = [
    at(1),
    tryEach([fail], [runSequence(...slot)]),
    at(0),
    set(imageOf(firmware)),
    perform('condition-image-match', 15),
  ];
  const shared = [
    at(true),
    ...compatible.slice(0, 1),
    perform('condition-vendor-identifier', 3),
    ...compatible.slice(2),
  ];
  const { envelope, ending } = recordsOf(install, { shared });
  assert.equal(ending.failure, undefined);
  const seen = ending.records.map((record) => [
    record.section,
    commandAt(envelope, record),
    record.component,
    Object.keys(record.properties).join(),
  ]);
  assert.deepEqual(seen, [
    [4, 1, 0, 'vendorIdentifier'],
    [4, 1, 1, 'vendorIdentifier'],
    [20, 5, 1, 'componentSlot'],
    [20, 3, 0, 'imageDigest,imageSize'],
  ]);
  for (const { manifestId } of ending.records) assert.deepEqual(manifestId, []);
});

test('suit-report §4: the offset counts in the section where it stands, severed ones included', () => {
  const install = [at(0), set({ uri: '#none' }), fetch];
  for (const severable of [[], ['install']] as const) {
    const { envelope, ending } = recordsOf(install, { severable });
    const record = ending.failure?.record;
    assert.ok(record !== undefined);
    assert.equal(record.section, 20);
    assert.equal(commandAt(envelope, record), 21);
  }
});

test('rule 8: a run keeps no more than 64 records', () => {
  const { ending } = recordsOf([
    at(0),
    ...Array.from({ length: 100 }, () => [
      set({ componentSlot: 0 }),
      perform('condition-component-slot', 1),
    ]).flat(),
  ]);
  assert.equal(ending.failure, undefined);
  assert.equal(ending.records.length, 64);
});

const manifestDigest = write(Digest, digestOf({ algorithm: 'sha-256', bytes: new Uint8Array(32).fill(5) }));
const reference = ['http://example.com/m', read(Digest, manifestDigest)] as const;

function endings(): readonly Report[] {
  const { ending } = recordsOf([at(0), set(imageOf(firmware)), perform('condition-image-match', 15), fail]);
  const record = ending.failure?.record;
  assert.ok(record !== undefined);
  const nonce = new Uint8Array(16).fill(7);
  return [
    { nonce, records: ending.records, result: true, reference },
    { records: [], result: true, reference },
    { nonce, records: ending.records, result: failureResult('condition-failed', record), reference },
    { records: [], result: failureResult('invoke-pending', record), reference },
  ];
}

test('S4-14, suit-report §3: a report is signed, opened and read as it was written', () => {
  for (const curve of ['P-256', 'Ed25519'] as const) {
    const device = generateSigningKey(curve);
    for (const report of endings()) {
      const opened = openReport(signReport(device, report), [device.public]);
      assert.deepEqual(opened.report, report);
      assert.equal(opened.key, device.public);
    }
  }
});

test('suit-report §3: every reason has its number, and a result reads as one word', () => {
  const [ok, , failed, pending] = endings();
  assert.deepEqual(
    [ok, failed, pending].map((each) => each && reportReason(each)),
    ['ok', 'condition-failed', 'invoke-pending'],
  );
  assert.deepEqual(Object.values(reportReasons), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
});

test('a report of a stranger, or with one flipped bit, is refused', () => {
  const [device, stranger] = [generateSigningKey('Ed25519'), generateSigningKey('Ed25519')];
  const signed = signReport(device, endings()[2]!);
  assert.throws(() => openReport(signed, [stranger.public]), refusal('auth', 'unauthorised'));
  assert.throws(() => openReport(signed, []), refusal('auth', 'unauthorised'));
  for (let index = 0; index < signed.length; index++) {
    const flipped = Uint8Array.from(signed);
    flipped[index]! ^= 1 << (index % 8);
    assert.throws(
      () => openReport(flipped, [device.public]),
      refusal('auth', 'unauthorised'),
      `byte ${index}`,
    );
  }
});

test('suit-report §3: what is no report is refused though a known device signed it', () => {
  const device = generateSigningKey('Ed25519');
  const report = new Map<number, unknown>([
    [3, []],
    [4, true],
    [99, ['x', [-16, new Uint8Array(32)]]],
  ]);
  const open = (changes: readonly (readonly [number, unknown])[]) => {
    const items = new Map([...new Map([...report, ...changes])].filter(([, value]) => value !== undefined));
    return openReport(signAttached(device, encode(items as never)), [device.public]);
  };
  assert.equal(reportReason(open([]).report), 'ok');
  for (const changes of [
    [[4, false]],
    [
      [
        4,
        new Map([
          [5, 1],
          [7, 10],
        ]),
      ],
    ],
    [[3, undefined]],
    [[99, undefined]],
    [[2, new Uint8Array(7)]],
    [[2, new Uint8Array(65)]],
    [[13, 1]],
    [[3, Array.from({ length: 65 }, () => [[], 20, 0, 0, new Map()])]],
  ] as const) {
    assert.throws(() => open(changes as never), refusal('parse', 'cbor-parse', /^SUIT_Report: /));
  }
  const { content } = decode(signReport(device, endings()[0]!)) as Tagged;
  assert.ok((content as readonly unknown[])[2] instanceof Uint8Array, 'the payload is attached');
});
