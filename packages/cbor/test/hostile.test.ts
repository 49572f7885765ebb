/** What RFC 8949 §4.2.1 and our limits refuse, each with the message that says so. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CborError,
  Reader,
  UnknownKeyError,
  array,
  bytes,
  decode,
  embedded,
  encode,
  exactly,
  hex,
  item,
  map,
  mapWithRest,
  nestingMax,
  optional,
  read,
  required,
  text,
  tstr,
  tuple,
  uint,
  unhex,
  write,
} from '@lapel/cbor';

const refused = (message: RegExp) => (error: unknown) =>
  error instanceof CborError && message.test(error.message);

/** Encoding, what is wrong with it, and what is said of it. */
const hostile: readonly (readonly [string, string, RegExp])[] = [
  ['', 'nothing at all', /^expected an item, found the end of input at byte 0$/],
  ['0001', 'a second item', /^expected the end of input, found 1 more bytes at byte 1$/],
  [
    '1817',
    'a short integer in two bytes',
    /^expected the shortest form of a number, found a longer one at byte 0$/,
  ],
  ['190018', 'a one-byte integer in three bytes', /shortest form of a number/],
  ['1a0000ffff', 'a two-byte integer in five bytes', /shortest form of a number/],
  ['1b00000000ffffffff', 'a four-byte integer in nine bytes', /shortest form of a number/],
  ['3817', 'a short negative integer in two bytes', /shortest form of a number/],
  ['5801ff', 'a length in two bytes', /shortest form of a number/],
  ['990001ff', 'a count in three bytes', /shortest form of a number/],
  ['d8066100', 'a tag in two bytes', /shortest form of a number/],
  [
    '5f42010243030405ff',
    'a byte string of indefinite length',
    /^expected a definite length, found an indefinite or reserved one at byte 0$/,
  ],
  ['7f657374726561646d696e67ff', 'a text of indefinite length', /definite length/],
  ['9f0102ff', 'an array of indefinite length', /definite length/],
  ['bf0102ff', 'a map of indefinite length', /definite length/],
  [
    'ff',
    'a break with nothing to break',
    /^expected a definite item, found a break or reserved value at byte 0$/,
  ],
  ['81ff', 'a break in an array', /break or reserved value at byte 1/],
  ['1c', 'reserved information 28', /definite length/],
  ['5d', 'reserved information 29', /definite length/],
  ['fc', 'a reserved simple value', /break or reserved value/],
  ['fe', 'another reserved simple value', /break or reserved value/],
  [
    'f818',
    'a simple value below 32 in two bytes',
    /^expected the shortest form of a simple value, found a longer one at byte 0$/,
  ],
  ['f814', 'false in two bytes', /shortest form of a simple value/],
  [
    'fa3f800000',
    '1.0 in four bytes',
    /^expected the shortest form of a floating-point number, found a longer one at byte 0$/,
  ],
  ['fb3ff8000000000000', '1.5 in eight bytes', /shortest form of a floating-point number/],
  ['fa7fc00000', 'NaN in four bytes', /shortest form of a floating-point number/],
  ['f97e01', 'another NaN', /shortest form of a floating-point number/],
  ['fb7ff0000000000000', 'infinity in eight bytes', /shortest form of a floating-point number/],
  ['a201000100', 'a key twice', /^expected each map key once, found one again at byte 3$/],
  [
    'a202000100',
    'keys out of order',
    /^expected map keys in deterministic order, found one out of order at byte 3$/,
  ],
  ['a2613100182000', 'a longer key behind a text key', /deterministic order/],
  ['a1a20100010000', 'a key twice in a key', /each map key once/],
  ['8201a201000100', 'a key twice, deeper', /each map key once/],
  ['9affffffff', 'four thousand million items', /^expected 4294967295 items, found 0 bytes at byte 0$/],
  ['9b001fffffffffffff00', 'as many items as a number can count', /items, found 1 bytes/],
  ['9bffffffffffffffff', 'more items than a number can count', /^expected a number up to 2\^53-1/],
  ['bb001fffffffffffff', 'as many pairs', /items, found 0 bytes/],
  ['a200', 'more pairs than bytes', /^expected 2 items, found 1 bytes at byte 0$/],
  ['5affffffff00', 'four gigabytes of string', /^expected 4294967295 more bytes, found 1 at byte 0$/],
  ['7b001fffffffffffff', 'eight petabytes of text', /more bytes, found 0/],
  ['61ff', 'text that is no UTF-8', /^expected UTF-8, found other bytes at byte 0$/],
  ['62c080', 'an overlong zero', /UTF-8/],
  ['63eda080', 'a surrogate in UTF-8', /UTF-8/],
  ['64f4908080', 'a character beyond Unicode', /UTF-8/],
  ['63e282', 'a character cut in two', /more bytes/],
  ['18', 'half an integer', /^expected more bytes, found the end of input at byte 0$/],
  ['f9', 'half a float', /more bytes/],
  ['c1', 'a tag on nothing', /end of input/],
  ['81'.repeat(nestingMax + 2) + '00', 'arrays in arrays', /^expected at most 16 levels of nesting/],
  ['a100'.repeat(nestingMax + 2) + '00', 'maps in maps', /levels of nesting/],
  ['a1'.repeat(nestingMax + 2) + '00'.repeat(nestingMax + 3), 'maps as keys of maps', /levels of nesting/],
  ['c1'.repeat(nestingMax + 2) + '00', 'tags on tags', /levels of nesting/],
];

for (const [digits, what, message] of hostile) {
  test(`RFC 8949 §4.2.1: ${what} is refused, read or skipped`, () => {
    const encoded = unhex(digits)!;
    assert.throws(() => decode(encoded), refused(message));
    assert.throws(() => {
      const reader = new Reader(encoded);
      reader.skip();
      reader.finish();
    }, refused(message));
  });
}

test('a message that is cut off at any byte is refused', () => {
  const whole = unhex('a501182a0244010203040381f504647465787420d820f93e00')!;
  const complete = encode(decode(whole));
  assert.deepEqual(complete, whole);
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => decode(whole.subarray(0, length)), CborError, hex(whole.subarray(0, length)));
  }
});

test('a byte order mark is part of a text: no text has two encodings', () => {
  assert.equal(decode(unhex('64efbbbf61')!), '\ufeffa');
  assert.deepEqual(encode('\ufeffa'), unhex('64efbbbf61'));
});

test('counts that are each below the bytes left allocate nothing before their items are read', () => {
  // Sixteen arrays in each other, each of which claims nearly every byte behind it.
  const size = 1 << 20;
  const encoded = new Uint8Array(size);
  for (let level = 0; level < nestingMax; level++) {
    const at = level * 5;
    encoded[at] = 0x9a;
    new DataView(encoded.buffer).setUint32(at + 1, size - at - 5);
  }
  const before = process.memoryUsage().heapUsed;
  assert.throws(() => decode(encoded), CborError);
  assert.ok(process.memoryUsage().heapUsed - before < 64 * size, 'allocated more than the innermost array');
});

test('an unknown key is shown in part, and cannot steer a terminal', () => {
  const rule = map({ version: required(1, uint) });
  const key = `\u001b[2J\u009b${'x'.repeat(100_000)}`;
  const encoded = encode(
    new Map<number | string, number>([
      [1, 1],
      [key, 1],
    ]),
  );
  assert.throws(
    () => read(rule, encoded),
    (error: unknown) =>
      error instanceof UnknownKeyError && error.message.length < 200 && !/\p{Cc}/u.test(error.message),
  );
  assert.throws(
    () => read(exactly('lapel'), encode(key)),
    (error: unknown) =>
      error instanceof CborError && error.message.length < 200 && !/\p{Cc}/u.test(error.message),
  );
});

test('a rule refuses a missing, unknown, second or misplaced key, and a value of another kind', () => {
  const rule = map({ version: required(1, uint), name: optional(2, text(4)) });
  assert.deepEqual(read(rule, unhex('a20101026161')!), { version: 1, name: 'a' });
  const rows: readonly (readonly [string, RegExp])[] = [
    ['a0', /^expected key 1 \(version\), found none at byte 0$/],
    ['a1026161', /expected key 1 \(version\)/],
    ['a201010300', /^expected one of the keys 1, 2, found unknown key 3 at byte 3$/],
    ['a201012000', /unknown key -1/],
    ['a20101616100', /unknown key "a"/],
    ['a201014100', /items|integer key/],
    ['a2010141ff00', /^expected an integer key, found another at byte 3$/],
    ['a201010101', /each map key once/],
    ['a202616101', /deterministic order/],
    ['a20261610101', /deterministic order/],
    ['a1016131', /^expected unsigned integer, found text string at byte 2$/],
    ['a20101026561616161616161', /^expected at most 4 characters, found 5 at byte 4$/],
    ['a10120', /found negative integer/],
    ['a1011bffffffffffffffff', /2\^53-1/],
    ['80', /^expected map, found array at byte 0$/],
  ];
  for (const [digits, message] of rows) {
    assert.throws(() => read(rule, unhex(digits)!), refused(message), digits);
  }
});

test('a field that is there has a value: undefined is none', () => {
  const rule = map({ any: optional(1, item) });
  assert.deepEqual(read(rule, unhex('a101f6')!), { any: null });
  assert.throws(
    () => read(rule, unhex('a101f7')!),
    refused(/^expected a value for any, found none at byte 1$/),
  );
});

test('what is embedded is read as a whole, with offsets of the outermost buffer', () => {
  const rule = tuple(uint, embedded(tuple(uint)));
  assert.deepEqual(read(rule, unhex('8201428105')!), [1, [5]]);
  assert.throws(() => read(rule, unhex('820143810500')!), refused(/found 1 more bytes at byte 5$/));
  assert.throws(() => read(rule, unhex('8201418105')!), refused(/found 0 bytes at byte 3$|end of input/));
});

test('the number of items, pairs and bytes is bounded when reading and when writing', () => {
  const list = array(uint, { min: 1, max: 2 });
  for (const values of [[], [1, 2, 3]]) {
    assert.throws(() => read(list, encode(values)), refused(/^expected 1 to 2 items, found/));
    assert.throws(() => write(list, values), refused(/^expected 1 to 2 items, found/));
  }
  const rest = mapWithRest({}, { key: text(8), value: bytes(0, 2), max: 1 });
  const two = new Map([
    ['a', new Uint8Array()],
    ['b', new Uint8Array()],
  ]);
  assert.throws(
    () => read(rest, encode(two)),
    refused(/^expected at most 1 further pairs, found more at byte 4$/),
  );
  const others = [
    ['a', new Uint8Array()],
    ['b', new Uint8Array()],
  ] as const;
  assert.throws(
    () => write(rest, { rest: others }),
    refused(/^expected at most 1 further pairs, found more$/),
  );
  assert.throws(() => write(bytes(2), new Uint8Array(3)), refused(/^expected 2 bytes, found 3$/));
  assert.throws(() => write(text(2), 'abc'), refused(/^expected at most 2 characters, found 3$/));
  assert.throws(() => read(tstr, encode(new Map())), refused(/^expected text string, found map at byte 0$/));
});
