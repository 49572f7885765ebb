/** What the documents say of threats and tests, held against the tests. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { files, house } from './house.ts';

/** RFC 9124 §4.2, each threat by its name there. */
const threats = [
  'IMG.EXPIRED',
  'IMG.EXPIRED.OFFLINE',
  'IMG.INCOMPATIBLE',
  'IMG.FORMAT',
  'IMG.LOCATION',
  'NET.REDIRECT',
  'NET.ONPATH',
  'IMG.REPLACE',
  'IMG.NON_AUTH',
  'UPD.WRONG_PRECURSOR',
  'UPD.UNAPPROVED',
  'IMG.DISCLOSURE',
  'MFST.OVERRIDE',
  'MFST.EXPOSURE',
  'IMG.EXTRA',
  'KEY.EXPOSURE',
  'MFST.MODIFICATION',
  'MFST.TOCTOU',
];

const read = (path: string) => readFileSync(join(house, path), 'utf8');
/** Line breaks, and quotes that only TypeScript escapes, are no part of a sentence. */
const plain = (text: string) => text.replaceAll('\\', '').replace(/\s+/g, ' ');
const rows = read('SECURITY.md')
  .split('\n')
  .filter((line) => line.startsWith('|') && /\((?:RFC 9124 )?(?:4\.2\.|3\.6)/.test(line));

test('S0-18: every threat of RFC 9124 has its row', () => {
  const named = rows.map((row) => row.split('|')[1] ?? '').join(' ');
  for (const threat of threats) assert.ok(named.includes(threat), `expected a row for ${threat}, found none`);
});

test('S0-18: every test that a threat is answered by exists, in so many words', () => {
  const tests = files('packages/*/test/**/*.test.ts').map((path) => plain(read(path)));
  for (const row of rows) {
    const testedBy = row.split('|').at(-2) ?? '';
    const sentences = [...testedBy.matchAll(/\*(?<sentence>[^*]+)\*/g)].map(
      (match) => match.groups?.['sentence'] ?? '',
    );
    for (const sentence of sentences) {
      const parts = sentence.split('…').map((part) => plain(part).trim());
      const exists = tests.some((text) => parts.every((part) => text.includes(part)));
      assert.ok(exists, `expected a test named '${sentence}', found none`);
    }
    assert.ok(
      sentences.length > 0 || /not yet|no attack/i.test(row),
      `expected a test, or the word that there is none: ${row}`,
    );
  }
});
