import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Item } from '@lapel/cbor';
import { decode, encode, unhex } from '@lapel/cbor';
import type { CoseErrorKind, HssLevel, LeafLedger, SigningKey } from '@lapel/cose';
import {
  CoseError,
  LedgerError,
  beginLedger,
  decodeVerificationKey,
  encodeSigningKey,
  encodeVerificationKey,
  generateHssSecret,
  hssSigningKey,
  keyToPem,
  openLedger,
  openSigned,
  readKeyPem,
  signAttached,
  signDetached,
  verifySign1,
} from '@lapel/cose';
import { createDisk } from './leaf-disk.ts';

const payload = unhex('822f5820')!;
const refused = (kind: CoseErrorKind) => (error: unknown) =>
  error instanceof CoseError && error.kind === kind;
const level = { height: 5, digitBits: 8, hashBytes: 32 } as const satisfies HssLevel;
const secret = generateHssSecret([level]);

/** A key on a disk of its own. */
function keyOf(encoded: Uint8Array): SigningKey {
  const { store, mark } = createDisk().access(() => undefined);
  return hssSigningKey(encoded, (kid) => {
    beginLedger(store, kid);
    return openLedger(store, kid, mark);
  });
}

test('S4-37, RFC 8778: what a hash-based key signs its public half verifies, as any other key', () => {
  const key = keyOf(secret);
  const known = decodeVerificationKey(encodeVerificationKey(key.public));
  assert.deepEqual(known.kid, key.kid);
  assert.equal(verifySign1(signDetached(key, payload), payload, [known]), known);
  assert.deepEqual(openSigned(signAttached(key, payload), [known]), { payload, key: known });
  assert.throws(
    () => verifySign1(signDetached(key, payload), payload.subarray(1), [known]),
    refused('signature'),
  );
});

test('S4-37: every signature is by another leaf, even over the same payload, until none is left', () => {
  const key = keyOf(secret);
  const signed = new Set(Array.from({ length: 32 }, () => signDetached(key, payload).join()));
  assert.equal(signed.size, 32);
  assert.throws(
    () => signDetached(key, payload),
    (error: unknown) => error instanceof LedgerError && error.kind === 'exhausted',
  );
});

test('S4-37: the leaf is reserved before anything is signed; where that fails nothing is signed', () => {
  const ledger: LeafLedger = {
    reserve: () => {
      throw new LedgerError('busy', 'expected to be the only signer, found another');
    },
  };
  const key = hssSigningKey(secret, () => ledger);
  assert.throws(() => signDetached(key, payload), LedgerError);
});

test('S4-37: two levels sign as one key, and the second tree of the lower level as the first', () => {
  const key = keyOf(generateHssSecret([level, { ...level, digitBits: 4 }]));
  for (let count = 0; count < 34; count++) {
    assert.equal(verifySign1(signDetached(key, payload), payload, [key.public]), key.public);
  }
});

test('RFC 9708 §4: a public key in PEM is read as the same key, and no other text as one', () => {
  for (const hashBytes of [24, 32] as const) {
    const key = keyOf(generateHssSecret([{ ...level, hashBytes }]));
    const pem = keyToPem(key.public);
    assert.deepEqual(readKeyPem(pem).kid, key.kid);
    const content = Buffer.from(pem.split('\n').slice(1, -2).join(''), 'base64');
    // SEQUENCE { SEQUENCE { OID }, BIT STRING }: the key stands at its end as it is.
    assert.equal(content.length, 20 + 28 + hashBytes);
    assert.equal(content[1], content.length - 2);
    for (const text of [content.subarray(1), content.subarray(0, -1), Buffer.concat([content, content])]) {
      const other = `-----BEGIN PUBLIC KEY-----\n${text.toString('base64')}\n-----END PUBLIC KEY-----\n`;
      assert.throws(() => readKeyPem(other), CoseError);
    }
    assert.throws(() => keyToPem(key), refused('algorithm'));
  }
});

test('a damaged secret signs nothing', () => {
  const members = decode(secret) as ReadonlyMap<Item, Item>;
  const damaged = new Map([...members, [3, new Uint8Array(32)]]);
  const key = keyOf(encode(damaged));
  assert.throws(() => signDetached(key, payload), refused('malformed'));
});

test('what is no secret of a hash-based key is refused', () => {
  const members = decode(secret) as ReadonlyMap<Item, Item>;
  const changed = (...more: readonly (readonly [Item, Item])[]) => encode(new Map([...members, ...more]));
  const rows: readonly (readonly [CoseErrorKind, Uint8Array])[] = [
    ['malformed', new Uint8Array()],
    ['malformed', changed([1, []])],
    ['malformed', changed([2, new Uint8Array(15)])],
    ['malformed', changed([4, new Uint8Array(56)])],
    ['malformed', changed([5, 0])],
    ['algorithm', changed([1, [[4, 4]]])],
    ['algorithm', changed([1, [[5, 9]]])],
    ['algorithm', changed([1, [[10, 8]]])],
    ['algorithm', changed([1, [[8, 4]]])],
    ['algorithm', changed([1, Array.from({ length: 8 }, () => [7, 4])])],
  ];
  for (const [kind, encoded] of rows) assert.throws(() => keyOf(encoded), refused(kind));
  assert.throws(() => generateHssSecret([]), refused('algorithm'));
  assert.throws(() => generateHssSecret([level, { ...level, hashBytes: 24 }]), refused('algorithm'));
});

test('a hash-based key is in no PEM and no private COSE_Key, which would leave its ledger behind', () => {
  const key = keyOf(secret);
  assert.throws(() => keyToPem(key), refused('algorithm'));
  assert.throws(() => encodeSigningKey(key), refused('algorithm'));
});
