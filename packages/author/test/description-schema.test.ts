/** The JSON Schema of descriptions, as editors use it, against the parser: both come from one source. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import type { JsonSchema } from '@lapel/author';
import { DescriptionError, descriptionSchema, parseDescription } from '@lapel/author';
import { minimal, mistakes } from './mistaken-descriptions.ts';
import { randomDescriptions } from './random-descriptions.ts';

const docs = join(import.meta.dirname, '../../../docs');
const schema = descriptionSchema();
// As strict as it gets: a keyword that means nothing would be a mistake of ours.
const ajv = new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true, allErrors: false });
const accepts = ajv.compile(schema);

/** What only the parser sees, since it lies between values or in the text itself. */
const unseen: readonly RegExp[] = [
  /found a mistake in it/,
  /expected each component once/,
  /expected each slot once/,
  /at most one bootable component/,
  /present: true for every slot or for none/,
  /candidateVerification for an image that is staged/,
  /an alias/,
  /a time such as/,
  /timeOfDay(?:Utc)? below 86400/,
  /of at most \d+ bytes/,
  /without control characters/,
  /one or more keys in metadata/,
];

test('S0-30: docs/description.schema.json is the schema that `lapel create --schema` prints', () => {
  const file = readFileSync(join(docs, 'description.schema.json'), 'utf8');
  assert.deepEqual(
    JSON.parse(file),
    schema,
    '`lapel create --schema -o docs/description.schema.json` mends it',
  );
});

test('S0-30: an editor accepts every example of docs/authoring.md', () => {
  const document = readFileSync(join(docs, 'authoring.md'), 'utf8');
  const examples = [...document.matchAll(/^```yaml\n(?<yaml>.*?)^```$/gms)];
  assert.ok(examples.length > 5);
  for (const [index, { groups }] of examples.entries()) {
    const isAccepted = accepts(parse(groups?.['yaml'] ?? ''));
    assert.ok(isAccepted, `example ${index + 1}: ${ajv.errorsText(accepts.errors)}`);
  }
});

for (const [what, text, message] of mistakes) {
  const isSeen = !unseen.some((each) => each.test(message));
  if (!isSeen) continue;
  test(`S0-30: an editor marks ${what}`, () => assert.equal(accepts(parse(text)), false));
}

test('S0-30: an editor and the parser agree on descriptions made at random', () => {
  assert.ok(accepts(parse(minimal)));
  const counts = { accepted: 0, refused: 0 };
  for (const description of randomDescriptions(schema, 4000)) {
    const text = JSON.stringify(description);
    const problem = refusalOf(text);
    const isAccepted = accepts(description);
    if (problem === undefined) {
      counts.accepted += 1;
      assert.ok(isAccepted, `${text}: ${ajv.errorsText(accepts.errors)}`);
    } else if (!unseen.some((each) => each.test(problem))) {
      counts.refused += 1;
      assert.ok(!isAccepted, `${text}: ${problem}`);
    }
  }
  // Both happen often enough for their agreement to mean something.
  assert.ok(counts.accepted > 200 && counts.refused > 1000, JSON.stringify(counts));
});

test('S0-30: every key has a sentence that an editor shows', () => {
  let count = 0;
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    // Rules name keys, too, and say nothing about them.
    if ('additionalProperties' in value && value.additionalProperties === false && 'properties' in value) {
      for (const [key, property] of Object.entries(value.properties as Record<string, JsonSchema>)) {
        assert.match(String(property['description']), /^[A-Z].+[.\d…]$/, key);
        count += 1;
      }
    }
    for (const each of Object.values(value)) visit(each);
  };
  visit(schema);
  assert.ok(count > 100);
});

function refusalOf(text: string): string | undefined {
  try {
    parseDescription(text);
    return undefined;
  } catch (error) {
    if (error instanceof DescriptionError) return error.message;
    throw error;
  }
}
