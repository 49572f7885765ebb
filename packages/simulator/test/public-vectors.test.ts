/** Every file of the public vectors is judged by a test, or has the reason why not. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { openFolder } from '../src/conformance-folder.ts';
import { tell } from '../src/conformance-judge.ts';

const root = resolve(process.env['LAPEL_VECTORS'] ?? join(import.meta.dirname, '../../../../shared/vectors'));
const skip = existsSync(root) ? false : 'the public vectors are not here: set LAPEL_VECTORS to their folder';

/** By path, the test that judges it, or why none does; the first that fits counts. */
const judges: readonly (readonly [RegExp, string])[] = [
  [/(^|\/)(README|LICENSE|\.git)[.a-z]*$/, 'says what the others are'],
  [/^cbor\/appendix_a\.json$/, 'cbor/test/vectors.test.ts'],
  [/^cose-ml-dsa\/ML_DSA_(44|65|87)\.cose\.json$/, 'cose/test/ml-dsa.test.ts'],
  [/^cose-wg-examples\/[^/]+\/[^/]+\.json$/, 'cose/test/public-examples.test.ts'],
  [/^cose-wg-examples\/(KeySet\.txt|examples\.cddl)$/, 'the keys stand in each example, too'],
  [/^derived-37\/[A-Z]\d\d-[-a-z0-9]+\.suit$/, 'simulator/test/conformance.test.ts'],
  [/^derived-37\/(index\.json|fw2?\.bin)$/, 'simulator/test/conformance.test.ts'],
  [/^derived-report\/(R\d\d-[-a-z0-9]+\.cbor|index\.json|manifest\.suit)$/, 'suit/test/replay.test.ts'],
  [/^firmware-encryption-24\/suit-manifest-[-a-z]+\.suit$/, 'suit/test/processor/encryption-vectors.test.ts'],
  [/^firmware-encryption-24\/(suit|encrypted)-[-a-z]+\.(cose|bin)$/, 'cose/test/encrypt-vectors.test.ts'],
  [/^firmware-encryption-24\/a128kw_kdf_context\.diag$/, 'what derives the keys of the examples es-ecdh'],
  [/^lms\/rfc8554-hss\.json$/, 'cose/test/hss-lms.test.ts'],
  [/^manifest-spec-37\/(esp256-PR188\/)?example\d-[-a-z]+\.suit$/, 'below'],
  [/^manifest-spec-37\/(private_key\.b64|public_key\.pem)$/, 'the key of the examples'],
  [/^manifest-spec-37\/(esp256-PR188\/)?example\d\.json$/, 'author/test/build-examples.test.ts'],
  [/^manifest-spec-37\/(esp256-PR188\/)?example\d\.txt$/, 'the same examples for people'],
  [/^trust-domains-12\/example\d_[a-z]+\.suit$/, 'suit/test/processor/trust-domains.test.ts'],
  [/^wycheproof\/(ecdsa|ed25519|hkdf|hmac|x25519)_?[a-z0-9_]*test\.json$/, 'cose/test/wycheproof.test.ts'],
  [/^wycheproof\/(aes|chacha20|ecdh)_[a-z0-9_]+test\.json$/, 'cose/test/encrypt-vectors.test.ts'],
  [/^wycheproof\/mldsa_[a-z0-9_]+test\.json$/, 'cose/test/ml-dsa.test.ts'],
  [/\.(hex|hex\.signed)$/, 'the same bytes in hex: below'],
  [/\.(diag|diag\.signed)$/, 'the same bytes for people'],
  [/^(oscore|lwm2m|cms-rfc4108)\//, 'docs/conformance.md: later'],
];

function* filesIn(folder: string): Iterable<string> {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* filesIn(path);
    else yield path;
  }
}

test('S0-31: every public vector has a test that judges it, or a reason', { skip }, () => {
  const packages = join(import.meta.dirname, '../..');
  for (const [, judge] of judges) {
    if (judge.endsWith('.test.ts')) assert.ok(existsSync(join(packages, judge)), judge);
  }
  const left = [...filesIn('')].filter((file) => !judges.some(([pattern]) => pattern.test(file)));
  assert.deepEqual(left, []);
});

test('S0-31: a vector in hex is the vector in bytes', { skip }, () => {
  let compared = 0;
  for (const file of filesIn('')) {
    const [, stem] = /^(.*)\.hex(\.signed)?$/.exec(file) ?? [];
    const binary = ['suit', 'cbor', 'cose', 'bin']
      .map((extension) => join(root, `${stem}.${extension}`))
      .find(existsSync);
    if (stem === undefined || binary === undefined) continue;
    const inHex = readFileSync(join(root, file), 'utf8').replaceAll(/\s/g, '').toLowerCase();
    assert.equal(inHex, readFileSync(binary).toString('hex'), file);
    compared += 1;
  }
  assert.ok(compared > 100);
});

/** What is found of each envelope of a folder: the first verdict, and the other where there is another. */
function told(...path: readonly string[]): Readonly<Record<string, string>> {
  const folder = openFolder(join(root, ...path), [join(root, 'manifest-spec-37', 'private_key.b64')], 0);
  return Object.fromEntries(
    folder.vectors.map((vector) => {
      const around = folder.around(vector);
      const verdicts = tell(around.file(vector.file), vector, around);
      return [
        vector.file.replace('.suit', ''),
        verdicts.map(({ accepted, stage }) => `${accepted ? 'accept' : 'reject'} at ${stage}`).join(', '),
      ];
    }),
  );
}

/** Of the manifest's Appendix B, whoever signed it: only what is signed and whole is installed. */
function appendixB(first: string): Readonly<Record<string, string>> {
  const numbers = [0, 1, 2, 3, 4, 5];
  return {
    ...Object.fromEntries(
      numbers.map((each) => [`example${each}-signed`, each === 0 ? first : 'accept at run']),
    ),
    ...Object.fromEntries(numbers.map((each) => [`example${each}-unsigned`, 'reject at auth'])),
    'example2-signed-severed': 'reject at run, accept at boot',
    'example2-unsigned-severed': 'reject at auth',
  };
}

test(
  'S0-07, S4-95: each envelope of Appendix B has its verdict, severed and unsigned ones too',
  { skip },
  () => {
    for (const [path, first] of [
      [['manifest-spec-37'], 'accept at boot'],
      // Its signature is another's.
      [['manifest-spec-37', 'esp256-PR188'], 'reject at auth'],
    ] as const) {
      const found = told(...path);
      const expected = appendixB(first);
      assert.ok(Object.keys(found).length >= 13);
      for (const [name, verdict] of Object.entries(found)) assert.equal(verdict, expected[name], name);
    }
  },
);

test('trap 12: the examples of trust-domains have theirs, by either policy', { skip }, () => {
  assert.deepEqual(told('trust-domains-12'), {
    example0_dependent: 'reject at setup, accept at run',
    example1_process: 'reject at setup, accept at run',
    // It processes what it has not checked.
    example2_integrated: 'reject at setup',
  });
});
