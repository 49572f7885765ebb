/**
 * Every derived vector with its expected verdict at its expected stage, and the command that tries others.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { write } from '@lapel/cbor';
import { digest, generateSigningKey, keyToPem, signDetached } from '@lapel/cose';
import {
  Digest,
  Manifest,
  Parameters,
  classIdentifier,
  digestOf,
  vendorIdentifier,
  wrap,
  writeEnvelope,
  writeSequence,
} from '@lapel/suit';
import { openFolder } from '../src/conformance-folder.ts';
import { readIndex } from '../src/conformance-index.ts';
import { judge } from '../src/conformance-judge.ts';

const root = process.env['LAPEL_VECTORS'] ?? join(import.meta.dirname, '../../../../shared/vectors');
const derived = resolve(root, 'derived-37');
const skip = existsSync(derived)
  ? false
  : 'the public vectors are not here: set LAPEL_VECTORS to their folder';

const folder = skip === false ? openFolder(derived, [], 0) : undefined;
const vectors = folder?.vectors ?? [];

test('S0-31: the derived vectors are here', { skip }, () => assert.ok(vectors.length > 0));

for (const vector of vectors) {
  const name = vector.file.replace('.suit', '');
  test(`S0-07, S0-08, S4-72 … S4-75, S4-91 … S4-99: ${name} (${vector.expect} at ${vector.stage})`, () => {
    const around = folder!.around(vector);
    const { passed, verdicts } = judge(around.file(vector.file), vector, around);
    assert.ok(passed, JSON.stringify(verdicts));
  });
}

const temporary = mkdtempSync(join(tmpdir(), 'lapel-conformance-'));
after(() => rmSync(temporary, { recursive: true }));

const author = generateSigningKey('P-256');
const vendor = vendorIdentifier('lapel.example');
const lamp = classIdentifier(vendor, 'lamp');
const image = new TextEncoder().encode('an image');

type Check = 'condition-use-before' | 'condition-minimum-battery' | 'condition-version' | 'directive-wait';

/** @param checks parameters, and the commands that look at them before the fetch. */
function envelopeFor(uri: string, checks: Parameters = {}, ...commands: readonly Check[]): Uint8Array {
  const set = (parameters: Parameters) =>
    ({ name: 'directive-override-parameters', parameters: write(Parameters, parameters) }) as const;
  const perform = (name: 'condition-vendor-identifier' | 'condition-class-identifier') =>
    ({ name, policy: 0 }) as const;
  const imageDigest = digestOf({ algorithm: 'sha-256', bytes: digest('sha-256', image) });
  const manifest = wrap(
    write(Manifest, {
      version: 1,
      sequenceNumber: 1,
      common: {
        components: [[Uint8Array.of(0)]],
        sharedSequence: writeSequence([
          set({ vendorIdentifier: vendor, classIdentifier: lamp, imageDigest }),
          perform('condition-vendor-identifier'),
          perform('condition-class-identifier'),
        ]),
      },
      install: writeSequence([
        set({ uri, ...checks }),
        ...commands.map((name) => ({ name, policy: 0 })),
        { name: 'directive-fetch', policy: 0 },
        { name: 'condition-image-match', policy: 0 },
      ]),
    }),
  );
  const named = write(Digest, digestOf({ algorithm: 'sha-256', bytes: digest('sha-256', manifest) }));
  return writeEnvelope({
    digest: named,
    blocks: [signDetached(author, named)],
    manifest,
    severed: {},
    payloads: new Map(),
  });
}

/** A folder with an envelope, an image and the author's key, and an index if there is one. */
function make(name: string, vectorRows?: readonly unknown[]): string {
  const path = join(temporary, name);
  mkdirSync(path);
  writeFileSync(join(path, 'one.suit'), envelopeFor('coap://lapel.example/image'));
  writeFileSync(join(path, 'image.bin'), image);
  writeFileSync(join(path, 'author.pem'), keyToPem(author.public));
  if (vectorRows === undefined) return path;
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  const index = {
    keys: { trusted_author: 'author.pem', untrusted: 'none.pem' },
    device: { vendor: hex(vendor), class: hex(lamp), sequence: 0 },
    vectors: vectorRows,
  };
  writeFileSync(join(path, 'index.json'), JSON.stringify(index));
  return path;
}

function conformance(...args: readonly string[]) {
  const main = join(import.meta.dirname, '../src/conformance-main.ts');
  const { status, stdout } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
  return { status, lines: stdout.trimEnd().split('\n') };
}

const payloads = { 'coap://lapel.example/image': 'image.bin' };

test('S0-31: a vector passes with the verdict and the stage that its index names, and with no other', () => {
  const rows = [
    { file: 'one.suit', expect: 'accept', stage: 'run', payloads },
    { file: 'one.suit', expect: 'reject', stage: 'run' },
    { file: 'one.suit', expect: 'reject', stage: 'setup', device: { sequence: 2 } },
    { file: 'one.suit', expect: 'reject', stage: 'setup', device: { components: ['01'] } },
    { file: 'one.suit', expect: 'reject', stage: 'setup', payloads: {} },
    { file: 'one.suit', expect: 'accept', stage: 'run' },
    { file: 'one.suit', expect: 'reject', stage: 'run', payloads },
    { file: 'one.suit', expect: 'accept', stage: 'run', payloads, device: { colour: 'red' } },
    { file: 'none.suit', expect: 'reject', stage: 'parse' },
  ];
  const { status, lines } = conformance(make('indexed', rows));
  assert.deepEqual(
    lines.slice(0, -1).map((line) => line.slice(0, 4)),
    ['ok  ', 'ok  ', 'ok  ', 'ok  ', 'FAIL', 'FAIL', 'FAIL', 'FAIL', 'FAIL'],
  );
  assert.equal(lines.at(-1), '4 passed, 5 failed');
  assert.equal(status, 1);
});

test('S0-31, X-22: a vector names the time, the battery, the version and the waits of its device', () => {
  const row =
    (name: string) =>
    (expect: string, device: object = {}) => ({
      file: `${name}.suit`,
      expect,
      stage: 'run',
      payloads,
      device,
    });
  const [before, battery, version] = [row('before'), row('battery'), row('version')];
  const [utc, local] = [row('utc'), row('local')];
  const rows = [
    ...[before('accept', { time: 999 }), before('reject', { now: 1000 }), before('reject')],
    ...[before('reject', { time: null }), before('policy')],
    ...[battery('accept'), battery('accept', { battery: 50 }), battery('reject', { battery_mwh: 49 })],
    ...[version('accept', { version: [1, 3] }), version('reject', { version: [1, 2, 9] })],
    ...[version('reject'), utc('accept'), utc('reject', { waits: ['power'] })],
    ...[local('reject'), local('accept', { events: ['time-of-day'] })],
  ];
  const folderOf = make('properties', rows);
  for (const [name, checks, command] of [
    ['before', { useBefore: 1000 }, 'condition-use-before'],
    ['battery', { minimumBattery: 50 }, 'condition-minimum-battery'],
    ['version', { version: ['greater', [1, 2]] }, 'condition-version'],
    ['utc', { waitInfo: { timeOfDayUtc: 60 } }, 'directive-wait'],
    ['local', { waitInfo: { timeOfDay: 60 } }, 'directive-wait'],
  ] as const) {
    writeFileSync(join(folderOf, `${name}.suit`), envelopeFor('coap://lapel.example/image', checks, command));
  }
  const { lines } = conformance(folderOf);
  assert.equal(lines.at(-1), `${rows.length} passed, 0 failed`, lines.join('\n'));
});

test('S0-31: a folder without an index tells each verdict for the trust anchors that are given', () => {
  const path = make('bare');
  const trusting = conformance(path, '--trust', join(path, 'author.pem'));
  assert.deepEqual(trusting, { status: 0, lines: ['ok    one.suit  accept at run', '1 passed, 0 failed'] });
  // An image that nobody has at hand is taken for the right one.
  rmSync(join(path, 'image.bin'));
  assert.deepEqual(conformance(path, '--trust', join(path, 'author.pem')), trusting);
  const { status, lines } = conformance(path);
  assert.match(lines[0]!, /^FAIL {2}one\.suit {2}reject at auth: unauthorised/);
  assert.equal(lines.at(-1), '0 passed, 1 failed');
  assert.equal(status, 1);
});

test('S0-31: no vectors at all is a failure', () => {
  const path = join(temporary, 'empty');
  mkdirSync(path);
  const { status, lines } = conformance(path);
  assert.equal(lines.at(-1), '0 passed, 0 failed');
  assert.equal(status, 1);
  assert.equal(conformance(join(temporary, 'nowhere')).status, 2);
  assert.equal(conformance().status, 2);
});

test('S0-31: an index is read as what it is, or refused with the place', () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['[]', /expected an object in the index/],
    ['{"vectors": {}}', /expected a list of at most \d+ vectors/],
    ['{"vectors": [{"file": 1}]}', /expected a text in vectors\[0\]\.file, found 1/],
    ['{"vectors": [{"file": "a", "expect": "maybe"}]}', /expected one of accept.*found "maybe"/],
    ['{"vectors": [], "device": {"vendor": "xy"}}', /expected bytes in hex in device\.vendor/],
  ];
  for (const [text, message] of wrong) assert.throws(() => readIndex(text), message);
});

const encryptedFolder = resolve(root, 'firmware-encryption-24');

/** Its manifests, in an index of our own; whoever runs them finds its keys there. */
function encryptionIndex(decryptionKeys: Readonly<Record<string, string>>): string {
  const path = join(temporary, `encryption-${Object.keys(decryptionKeys).length}`);
  mkdirSync(path);
  const payloads = {
    'coaps://example.com/encrypted-firmware': join(encryptedFolder, 'encrypted-payload-aes-kw-aes-gcm.bin'),
  };
  const components = ['plaintext-firmware', 'encrypted-firmware', 'decrypted-firmware', '00', '01'];
  const vectorRows = ['aes-kw-content', 'aes-kw', 'aes-kw-slot', 'es-ecdh-content'].map((name) => ({
    file: join(encryptedFolder, `suit-manifest-${name}.suit`),
    // They name neither vendor nor class.
    expect: 'policy',
    stage: 'setup',
    payloads,
    device: { components },
  }));
  const keys = {
    trusted_p256_private: join(root, 'manifest-spec-37', 'private_key.b64'),
    hmac_hex: '61'.repeat(32),
    ...decryptionKeys,
  };
  writeFileSync(join(path, 'index.json'), JSON.stringify({ keys, vectors: vectorRows }));
  return path;
}

test('S1-13, X-87: an index names the keys with which a device decrypts', { skip }, () => {
  const notes = readFileSync(join(encryptedFolder, 'README.txt'), 'utf8');
  const own = /kid-2\) d=([0-9A-F]{64})/.exec(notes)?.[1] ?? '';
  const verdicts = (keys: Readonly<Record<string, string>>) =>
    conformance(encryptionIndex(keys)).lines.at(-1);
  assert.equal(verdicts({ kek_hex: '61'.repeat(16), recipient_p256_d: own }), '4 passed, 0 failed');
  assert.equal(verdicts({ kek_hex: '61'.repeat(16) }), '3 passed, 1 failed');
  assert.equal(verdicts({}), '0 passed, 4 failed');
});

test(
  'X-87: without an index and without its keys, an encrypted manifest is judged all the same',
  { skip },
  () => {
    const path = join(temporary, 'encrypted');
    mkdirSync(path);
    copyFileSync(join(encryptedFolder, 'suit-manifest-es-ecdh-content.suit'), join(path, 'one.suit'));
    const { lines } = conformance(path, '--trust', join(root, 'manifest-spec-37', 'private_key.b64'));
    assert.match(lines[0] ?? '', /reject at setup: .*; accept where its policy is lenient$/);
  },
);
