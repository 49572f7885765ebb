/** What holds for every item and every rule; fast-check prints the seed of a counterexample. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode as cborgDecode, encode as cborgEncode, rfc8949EncodeOptions } from 'cborg';
import fc from 'fast-check';
import type { Infer, Item, Schema } from '@lapel/cbor';
import {
  CborError,
  Float,
  Reader,
  Simple,
  Tagged,
  array,
  bool,
  bstr,
  bytes,
  decode,
  diagnostic,
  embedded,
  encode,
  headed,
  hex,
  int,
  item as anyItem,
  map,
  mapWithRest,
  named,
  optional,
  raw,
  read,
  required,
  tagged,
  text,
  tuple,
  uint,
  unhex,
  write,
} from '@lapel/cbor';

const wellFormedText = fc.string({ unit: 'binary', maxLength: 12 });
const bytesOf = (maxLength: number) => fc.uint8Array({ maxLength }).map((each) => Uint8Array.from(each));
const integer = fc.oneof(
  fc.integer({ min: -30, max: 300 }),
  fc.maxSafeInteger(),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
  fc.bigInt({ min: -(2n ** 64n), max: -(2n ** 53n) }),
);
const float = fc
  .oneof(fc.double({ noNaN: false }), fc.float({ noNaN: false }), fc.constantFrom(-0, 65504, 2 ** -24, 1e300))
  .map((value) => new Float(value));
const simple = fc
  .oneof(fc.integer({ min: 0, max: 19 }), fc.integer({ min: 32, max: 255 }))
  .map((value) => new Simple(value));
const leaf: fc.Arbitrary<Item> = fc.oneof(
  integer,
  bytesOf(40),
  wellFormedText,
  fc.boolean(),
  fc.constantFrom(null, undefined),
  float,
  simple,
);

/** Keys unlike in their encoding; a Map alone would hold two that are equal byte for byte. */
const mapOf = (key: fc.Arbitrary<Item>, value: fc.Arbitrary<Item>): fc.Arbitrary<Item> =>
  fc
    .uniqueArray(fc.tuple(key, value), { maxLength: 5, selector: ([each]) => hex(encode(each)) })
    .map((pairs) => new Map<Item, Item>(pairs));

const { item } = fc.letrec<{ item: Item }>((tie) => ({
  item: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    leaf,
    fc.array(tie('item'), { maxLength: 5 }),
    mapOf(tie('item'), tie('item')),
    fc.tuple(fc.nat(), tie('item')).map(([tag, content]) => new Tagged(tag, content)),
  ),
}));

const Example = mapWithRest(
  {
    version: required(1, uint),
    label: optional(2, text(16)),
    digest: optional(3, embedded(tuple(int, bytes(4)))),
    kind: optional(-1, named('kind', { one: 1, minusTwo: -2 })),
    list: optional(-2, array(bool, { max: 4 })),
    chain: optional(300, headed(bstr, int, 3)),
    wrapped: optional(301, tagged(107, map({ any: required(1, anyItem) }))),
    untouched: optional(302, raw),
  },
  { key: text(8), value: bstr, max: 3 },
);

const example: fc.Arbitrary<Infer<typeof Example>> = fc.record(
  {
    version: fc.nat(),
    label: fc.string({ unit: 'binary', maxLength: 8 }),
    digest: fc.tuple(
      fc.integer(),
      fc.uint8Array({ minLength: 4, maxLength: 4 }).map((each) => Uint8Array.from(each)),
    ),
    kind: fc.constantFrom('one', 'minusTwo'),
    list: fc.array(fc.boolean(), { maxLength: 4 }),
    chain: fc.tuple(bytesOf(6), fc.integer(), fc.integer()),
    wrapped: item.filter((any) => any !== undefined).map((any) => ({ any })),
    untouched: item.map((any) => encode(any)),
    rest: fc.uniqueArray(fc.tuple(fc.string({ maxLength: 8 }), bytesOf(6)), {
      maxLength: 3,
      selector: ([key]) => key,
    }),
  },
  { requiredKeys: ['version', 'rest'] },
);

test('S0-02, RFC 8949 §4.2.1: what is written is read as the same item, and written the same again', () => {
  fc.assert(
    fc.property(item, (original) => {
      const encoded = encode(original);
      const read = decode(encoded);
      assert.deepEqual(encode(read), encoded);
      assert.deepEqual(sorted(read), sorted(original));
      const reader = new Reader(encoded);
      reader.skip();
      reader.finish();
      assert.ok(diagnostic(read).length > 0);
    }),
    { numRuns: 2000 },
  );
});

test('what a rule writes it reads as the same value, and writes the same again', () => {
  fc.assert(
    fc.property(example, (original) => {
      const encoded = write(Example, original);
      const found = read(Example, encoded);
      assert.deepEqual(write(Example, found), encoded);
      assert.deepEqual(new Map(found.rest), new Map(original.rest));
      assert.equal(found.version, original.version);
      assert.deepEqual(found.digest, original.digest);
    }),
    { numRuns: 1000 },
  );
});

test('random bytes are read as an item that is written back byte for byte, or end as a CborError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => eitherReadOrRefused(Uint8Array.from(bytes))),
    { numRuns: 20_000 },
  );
});

test('a valid message with changed bytes is read as another valid one, or ends as a CborError', () => {
  const change = fc.record({ at: fc.nat(), to: fc.nat({ max: 255 }), cut: fc.integer({ min: 0, max: 3 }) });
  fc.assert(
    fc.property(
      fc.oneof(
        item.map(encode),
        example.map((each) => write(Example, each)),
      ),
      change,
      (valid, edit) => {
        const mutated = Uint8Array.from(valid);
        mutated[edit.at % valid.length] = edit.to;
        const cut = mutated.subarray(0, valid.length - (edit.cut % valid.length));
        eitherReadOrRefused(cut);
        eitherRuledOrRefused(Example, cut);
      },
    ),
    { numRuns: 10_000 },
  );
});

test('hexadecimal is written and read back; other text is none', () => {
  fc.assert(fc.property(bytesOf(40), (bytes) => assert.deepEqual(unhex(hex(bytes)), bytes)));
  for (const text of ['0', '0g', 'a b', '0x00']) assert.equal(unhex(text), undefined);
});

test('cborg, another reader and writer, agrees on every deterministic encoding', () => {
  const plain = fc.letrec<{ item: Item }>((tie) => ({
    item: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.maxSafeInteger(),
      bytesOf(30),
      wellFormedText,
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('item'), { maxLength: 5 }),
      mapOf(fc.oneof(fc.maxSafeInteger(), wellFormedText), tie('item')),
    ),
  })).item;
  fc.assert(
    fc.property(plain, (original) => {
      const encoded = encode(original);
      assert.deepEqual(Uint8Array.from(cborgEncode(original, rfc8949EncodeOptions)), encoded);
      const theirs = cborgDecode(encoded, {
        useMaps: true,
        strict: true,
        rejectDuplicateMapKeys: true,
      }) as Item;
      assert.deepEqual(encode(theirs), encoded);
    }),
    { numRuns: 2000 },
  );
});

test('what has no encoding is refused when it is written', () => {
  const items: readonly Item[] = [
    1.5,
    NaN,
    Infinity,
    2 ** 53,
    -(2 ** 53),
    2n ** 64n,
    -(2n ** 64n) - 1n,
    '\ud800',
    new Simple(20),
    new Simple(24),
    new Simple(31),
    new Simple(256),
    new Tagged(-1, null),
    new Tagged(1.5, null),
    Array.from({ length: 20 }).reduce<Item>((inner) => [inner], null),
    Array.from({ length: 20 }).reduce<Item>((inner) => new Map([[inner, null]]), null),
  ];
  for (const each of items) assert.throws(() => encode(each), CborError);
  assert.throws(() => write(uint, -1), CborError);
  assert.throws(() => write(int, 0.5), CborError);
});

function eitherReadOrRefused(bytes: Uint8Array): void {
  try {
    assert.deepEqual(encode(decode(bytes)), bytes);
  } catch (error) {
    if (!(error instanceof CborError)) throw error;
  }
}

function eitherRuledOrRefused<T>(rule: Schema<T>, bytes: Uint8Array): void {
  try {
    assert.deepEqual(write(rule, read(rule, bytes)), bytes);
  } catch (error) {
    if (!(error instanceof CborError)) throw error;
  }
}

/** Order in a Map does not matter for an item; here it is made the encoding's own. */
function sorted(each: Item): Item {
  if (each instanceof Map) {
    const pairs = [...(each as ReadonlyMap<Item, Item>)].map(([key, value]) => [key, value] as const);
    const order = pairs.toSorted(([a], [b]) => (hex(encode(a)) < hex(encode(b)) ? -1 : 1));
    return order.map(([key, value]) => [sorted(key), sorted(value)]);
  }
  if (each instanceof Tagged) return new Tagged(each.tag, sorted(each.content));
  return Array.isArray(each) ? (each as readonly Item[]).map(sorted) : each;
}
