import assert from 'node:assert/strict';
import test from 'node:test';
import { classIdentifier, uuidText, vendorIdentifier } from '@lapel/suit';
import fc from 'fast-check';
import type { Attributes, Query } from '../src/policy/query.ts';
import { attributesOf } from '../src/policy/attributes.ts';
import { answer, asksForTags, attributeKinds, comparisonNames, kindOf } from '../src/policy/query.ts';
import { matches, queryText } from '../src/policy/query.ts';
import { QueryError, readQuery } from '../src/policy/query-text.ts';
import { compareVersions, readVersion } from '../src/policy/version-order.ts';

const vendor = vendorIdentifier('lamps.example');
const lamp = new Map<string, string | number>([
  ['id', 'lamp-1'],
  ['vendor', uuidText(vendor)],
  ['class', uuidText(classIdentifier(vendor, 'lamp'))],
  ['version', '1.3.12'],
  ['sequence', 7],
  ['flash', 100_000],
  ['tag.site', 'berlin'],
]);

const says = (text: string, attributes: Attributes = lamp) => answer(readQuery(text), attributes);

test('S4-133: a campaign is for the devices that a query matches', () => {
  assert.equal(says('class == "lamp" and version < "1.4.0" and tag.site in ("berlin","paris")'), true);
  assert.equal(says('vendor == "lamps.example"'), true);
  assert.equal(says('class == "plug"'), false);
  assert.equal(says(`class == "${uuidText(classIdentifier(vendor, 'lamp'))}"`), true);
  assert.equal(says('tag.site not in ("rome") and not flash < 100000'), true);
  assert.equal(says('tag.site == "rome" or sequence >= 7 and sequence != 8'), true);
  assert.equal(says('(tag.site == "rome" or sequence >= 7) and sequence == 8'), false);
  assert.equal(says('exists tag.site and not exists tag.floor'), true);
});

test('versions are compared as versions, never as text', () => {
  const rising = ['0.9', '1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-alpha.beta', '1.0.0-beta.2', '1.0.0-beta.11'];
  rising.push('1.0.0-rc.1', '1.0.0', '1.1.1', '1.1.10', '1.2', '1.10', '2.0.0');
  const versions = rising.map((text) => readVersion(text)!);
  for (const [at, a] of versions.entries()) {
    for (const [other, b] of versions.entries()) {
      assert.equal(Math.sign(compareVersions(a, b)), Math.sign(at - other), `${rising[at]} ${rising[other]}`);
    }
  }
  assert.equal(compareVersions(readVersion('v1.4')!, readVersion('1.4.0+build.7')!), 0);
  for (const none of ['', 'latest', '1.', '1..2', '1.0-', '01.x', '1'.repeat(70)]) {
    assert.equal(readVersion(none), undefined, none);
  }
});

test('what a device has not told matches nothing, and its opposite neither', () => {
  assert.equal(says('tag.floor == "3"'), undefined);
  assert.equal(says('not tag.floor == "3"'), undefined);
  assert.equal(says('tag.floor not in ("3")'), undefined);
  assert.equal(says('tag.floor == "3" or sequence == 7'), true);
  assert.equal(says('tag.floor == "3" and sequence == 8'), false);
  const odd = new Map([...lamp, ['version', 'nightly'] as const]);
  assert.equal(says('version < "1.4.0"', odd), undefined);
  assert.equal(matches(readQuery('not version < "1.4.0"'), odd), false);
});

const self = { id: 'lamp-1', vendor, class: vendor, updateMode: 'negotiated' } as const;

test('S4-133: a tag that a device does not have is known to the tracker as none', () => {
  const known = attributesOf({ ...self, tags: { site: 'berlin' } });
  assert.equal(says('tag.floor == "3"', known), false);
  assert.equal(says('tag.floor != "3"', known), true);
  assert.equal(says('exists tag.floor', known), false);
  assert.equal(says('tag.site in ("berlin") and exists tag.site', known), true);
});

test('S4-133: a device can say nothing of its tags', () => {
  const own = attributesOf(self);
  for (const text of ['tag.site == "berlin"', 'not tag.site == "berlin"', 'exists tag.site']) {
    assert.equal(says(text, own), undefined, text);
    assert.equal(asksForTags(readQuery(`id == "a" and (id == "b" or not ${text})`)), true);
  }
  assert.equal(asksForTags(readQuery('id == "a" or not version < "1.0.0"')), false);
});

test('a query that is wrong is refused with the place, what was expected and what was found', () => {
  const refusals: readonly (readonly [string, string])[] = [
    ['', 'at character 1: expected an attribute ('],
    ['color == "red"', 'at character 1: expected an attribute ('],
    ['version < 1', 'at character 11: expected a "text" for version, found 1'],
    ['version < "latest"', 'at character 11: expected a version such as "1.4.0", found "latest"'],
    ['sequence > "7"', 'at character 12: expected a whole number for sequence, found "7"'],
    ['sequence > 99999999999999999', 'at character 12: expected a whole number for sequence, found 9'],
    ['tag.site < "b"', 'at character 10: expected == or != for tag.site, which is text, found <'],
    ['id = "a"', 'at character 4: expected ==, found a single ='],
    [`id == 'a'`, `at character 7: expected text in "double" quotation marks, found '`],
    ['id == "a', 'at character 7: expected a closing quotation mark, found the end'],
    ['id == "a" id == "b"', 'at character 11: expected and, or, or the end, found id'],
    ['id in ()', 'at character 8: expected a "text" for id, found )'],
    ['id in ("a" "b")', 'at character 12: expected ), found "b"'],
    ['id not == "a"', 'at character 8: expected in, found =='],
    ['(id == "a"', 'at character 11: expected ), found the end'],
    ['id', 'at character 3: expected ==, !=, <, <=, >, >= or in, found the end'],
    ['id == "a" and # 7', 'at character 15: expected an attribute, a text or a comparison, found "#"'],
    [`${'not '.repeat(40)}exists id`, 'at character 65: expected at most 16 levels, found more'],
    [`${'('.repeat(40)}exists id`, 'at character 17: expected at most 16 levels, found more'],
    [
      Array.from({ length: 70 }, () => 'exists id').join(' or '),
      'expected at most 64 conditions, found more',
    ],
    [`id == "${'a'.repeat(1_100)}"`, 'expected at most 1024 characters, found 1108'],
    ['tag.__proto__ == "a" and toString == "b"', 'at character 26: expected an attribute ('],
  ];
  for (const [text, expected] of refusals) {
    assert.throws(
      () => readQuery(text),
      (error) => {
        assert.ok(error instanceof QueryError, String(error));
        assert.ok(error.message.includes(expected), `${error.message}\n${expected}`);
        return true;
      },
    );
  }
});

const attribute = fc.constantFrom(...Object.keys(attributeKinds), 'tag.site', 'tag.a-1');
const literalFor = (name: string): fc.Arbitrary<string | number> => {
  if (kindOf(name) === 'number') return fc.nat();
  return kindOf(name) === 'version'
    ? fc.constantFrom('1.4.0', 'v2', '1-rc.1')
    : fc.string({ maxLength: 8, unit: fc.constantFrom('a', '"', '\\', ' ', 'é') });
};
const leaf: fc.Arbitrary<Query> = attribute.chain((name) => {
  const comparisons = kindOf(name) === 'text' ? (['==', '!='] as const) : comparisonNames;
  const literal = literalFor(name);
  return fc.oneof(
    fc.constant({ kind: 'exists' as const, attribute: name }),
    fc.record({
      kind: fc.constant('compare' as const),
      attribute: fc.constant(name),
      comparison: fc.constantFrom(...comparisons),
      literal,
    }),
    fc.record({
      kind: fc.constant('in' as const),
      attribute: fc.constant(name),
      literals: fc.array(literal, { minLength: 1, maxLength: 3 }),
    }),
  );
});
const tree = fc.letrec<{ query: Query }>((tie) => ({
  query: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.record({ kind: fc.constant('not' as const), part: tie('query') }),
    fc.record({
      kind: fc.constantFrom('and' as const, 'or' as const),
      parts: fc.array(tie('query'), { minLength: 2, maxLength: 3 }),
    }),
  ),
})).query;

test('S4-133: a query has one text, and reading that text gives the same query again', () => {
  fc.assert(
    fc.property(tree, (query) => {
      const text = queryText(query);
      fc.pre(text.length <= 1_024);
      const again = readQuery(text);
      assert.equal(queryText(again), text.replaceAll(/\s+$/g, ''));
      assert.deepEqual(readQuery(queryText(again)), again);
      assert.equal(answer(again, lamp), answer(query, lamp), text);
    }),
    { seed: 6, numRuns: 500 },
  );
});

test('whatever is not a query is refused as one, and nothing else is thrown', () => {
  const words = fc.constantFrom(
    'and',
    'or',
    'not',
    'in',
    'exists',
    '(',
    ')',
    ',',
    'id',
    '==',
    '"a"',
    '7',
    '"',
    '\\',
    ' ',
    'é',
  );
  fc.assert(
    fc.property(fc.array(words, { maxLength: 30 }), (parts) => {
      try {
        readQuery(parts.join(' '));
      } catch (error) {
        if (!(error instanceof QueryError)) throw error;
      }
    }),
    { seed: 7, numRuns: 2_000 },
  );
});
