/** What is a message of CoAP to the letter, and what is none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unhex } from '@lapel/cbor';
import type { Message } from '@lapel/transport/coap';
import { MessageError, decodeMessage, encodeMessage, inOrder, understood } from '@lapel/transport/coap';
import fc from 'fast-check';

const plainRecord = <T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record<T>(fields, { noNullPrototype: true });
const bytes = (max: number) => fc.uint8Array({ maxLength: max });

const messages: fc.Arbitrary<Message> = plainRecord({
  type: fc.nat(3),
  id: fc.nat(0xffff),
  code: fc.integer({ min: 1, max: 255 }),
  token: bytes(8),
  options: fc
    .array(
      plainRecord({
        number: fc.oneof(fc.nat(30), fc.nat(400), fc.nat(0xffff)),
        value: fc.oneof(bytes(12), bytes(300)),
      }),
      { maxLength: 8 },
    )
    .map(inOrder),
  payload: bytes(64),
});

const refused = (hex: string) => {
  const found = unhex(hex.replaceAll(' ', '')) ?? new Uint8Array();
  try {
    decodeMessage(found);
  } catch (error) {
    assert.ok(error instanceof MessageError);
    return error;
  }
  return assert.fail(`expected ${hex} to be refused`);
};

test('RFC 7252 §3: what is written is read', () => {
  fc.assert(
    fc.property(messages, (message) => assert.deepEqual(decodeMessage(encodeMessage(message)), message)),
  );
});

test('RFC 7252 §3: each message has one encoding, and what is none is a MessageError', () => {
  const nearly = messages.chain((message) => {
    const encoded = encodeMessage(message);
    return fc.array(fc.tuple(fc.nat(encoded.length - 1), fc.nat(255)), { maxLength: 3 }).map((changes) => {
      for (const [at, byte] of changes) encoded[at] = byte;
      return encoded;
    });
  });
  fc.assert(
    fc.property(fc.oneof(bytes(64), nearly), (found) => {
      try {
        assert.deepEqual(encodeMessage(decodeMessage(found)), found);
      } catch (error) {
        if (!(error instanceof MessageError)) throw error;
      }
    }),
    { numRuns: 2_000 },
  );
});

test('RFC 7252 §3: a version that is not known is ignored in silence, and so is less than a header', () => {
  assert.equal(refused('80 01 00 01').rejected, undefined);
  assert.equal(refused('40 01 00').rejected, undefined);
});

test('RFC 7252 §3: a message format error names the message, so that it can be rejected', () => {
  for (const [what, hex] of [
    ['a token of 9 bytes', '49 01 12 34 00 00 00 00 00 00 00 00 00'],
    ['a token that is cut off', '44 01 12 34 00'],
    ['a marker without a payload', '40 01 12 34 ff'],
    ['the reserved 15 as a number', '40 01 12 34 f0'],
    ['the reserved 15 as a length', '40 01 12 34 0f'],
    ['an option that is cut off', '40 01 12 34 b3 61'],
    ['a long length without its bytes', '40 01 12 34 be 01'],
    ['a number above 65535', '40 01 12 34 e0 ff ff'],
    ['an empty message with a token', '41 00 12 34 01'],
    ['an empty message with a payload', '40 00 12 34 ff 01'],
  ]) {
    assert.deepEqual(refused(hex ?? '').rejected, { type: 0, id: 0x1234 }, what);
  }
});

test('a message with more options than any of ours is refused before they cost memory', () => {
  assert.match(
    refused(`40 01 00 01 ${'b0 '.padEnd(3 * 65, '00 ')}`).message,
    /at most 64 options, found more/,
  );
});

test('RFC 7252 §5.4.1: elective options that are not understood are left out, critical ones are told', () => {
  const value = new Uint8Array(1);
  const path = { number: 11, value };
  assert.deepEqual(understood([path, { number: 2048, value }]), { options: [path], critical: undefined });
  assert.equal(understood([path, { number: 2049, value }]).critical, 2049);
});

test('RFC 7252 §5.4.3, §5.4.5: a wrong length and a second copy count as not understood', () => {
  const etag = { number: 4, value: new Uint8Array(9) };
  const maxAge = { number: 14, value: new Uint8Array(1) };
  assert.deepEqual(understood([etag, maxAge, maxAge]).options, [maxAge]);
  const block2 = { number: 23, value: new Uint8Array(1) };
  assert.equal(understood([block2, block2]).critical, 23);
  assert.equal(understood([{ number: 23, value: new Uint8Array(4) }]).critical, 23);
});

test('RFC 7252 §5.10.8: If-Match, which no resource looks at, is critical and so refused', () => {
  assert.equal(understood([{ number: 1, value: new Uint8Array(0) }]).critical, 1);
});
