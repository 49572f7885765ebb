import assert from 'node:assert/strict';
import test from 'node:test';
import { CoseError, encodeVerificationKey, generateSigningKey, signAttached } from '@lapel/cose';
import { proveInThread } from '../src/index.ts';
import { provedHere } from '../src/server/proofs.ts';

const [lamp, thief] = [generateSigningKey('P-256'), generateSigningKey('P-256')];
const [own, other] = [lamp, thief].map(({ public: key }) => encodeVerificationKey(key)) as [
  Uint8Array,
  Uint8Array,
];
const said = signAttached(lamp, new TextEncoder().encode('I run version 2.'));

function changed(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

/** What can be wrong with what a device has signed, and what is told of it. */
const cases = [
  { what: 'nothing', signed: said, key: own, told: undefined },
  { what: 'the key of another', signed: said, key: other, told: 'untrusted' },
  { what: 'a bit of the signature', signed: changed(said, said.length - 1), key: own, told: 'signature' },
  { what: 'a cut message', signed: said.subarray(0, 20), key: own, told: 'malformed' },
  { what: 'a key off its curve', signed: said, key: changed(own, 12), told: 'malformed' },
  { what: 'no key at all', signed: said, key: new Uint8Array(3), told: 'malformed' },
];

test('X-16: what a thread proves of a hundred signatures at once is what is proved without it', async () => {
  const inThread = proveInThread();
  const batch = Array.from({ length: 100 }, (_, at) => cases[at % cases.length]).flatMap(
    (each) => each ?? [],
  );
  try {
    for (const proofs of [provedHere, inThread]) {
      const ends = await Promise.allSettled(batch.map(async ({ signed, key }) => proofs.prove(signed, key)));
      ends.forEach((end, at) => {
        const { what, told } = batch[at] ?? {};
        const reason: unknown = end.status === 'rejected' ? end.reason : undefined;
        assert.ok(reason === undefined || reason instanceof CoseError, what);
        assert.equal(reason?.kind, told, what);
      });
    }
  } finally {
    await inThread.close();
  }
});

test('X-16: a thread of proofs that was never asked is closed without having begun', async () => {
  await proveInThread().close();
});
