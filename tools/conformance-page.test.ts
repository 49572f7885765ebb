import assert from 'node:assert/strict';
import { test } from 'node:test';
import { citationsIn, conformancePage, pagePath } from './conformance-page.ts';
import { read } from './house.ts';

test('docs/conformance.md says what the names of the tests say', () => {
  assert.ok(
    conformancePage() === read(pagePath),
    `expected ${pagePath} to be new: 'npm run format' writes it`,
  );
});

test('a test is found under all that its name cites, ranges and bare sections, templates too', () => {
  const text = [
    "test('S4-37, X-08 … X-10, RFC 8554 §6: one', () => {});",
    'for (const kind of kinds) test(`§8.3, ${kind}: any flipped bit`, () => {});',
    "test('no citation: two', () => {});",
    "regexp.test('X-20: no test');",
  ].join('\n');
  const found = (room: string) =>
    citationsIn(`packages/${room}/test/a.test.ts`, text).map(({ group, id, name }) => [group, id, name]);
  assert.deepEqual(
    found('suit').map(([, id]) => id),
    ['S4-37', 'X-08', 'X-09', 'X-10', '§6', '§8.3'],
  );
  assert.deepEqual(found('suit')[5], ['draft-ietf-suit-manifest-37', '§8.3', '§8.3, …: any flipped bit']);
  assert.equal(found('device')[5]?.[0], 'The design');
});
