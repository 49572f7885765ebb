import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decryptWith, encryptFor, wrappingKey } from '@lapel/cose';

const key = wrappingKey(new Uint8Array(16).fill(1));
const piece = new Uint8Array(64 * 1024).fill(0x5a);
const megabyte = 2 ** 20;

/** The most memory outside the heap that was held while so much firmware was encrypted and decrypted. */
function peakOf(bytes: number, algorithm: 'A128GCM' | 'A128CTR'): number {
  const encryption = encryptFor([key], algorithm);
  const decryption = decryptWith(encryption.info, [key]);
  let peak = 0;
  let came = 0;
  for (let sent = 0; sent < bytes; sent += piece.length) {
    came += decryption.update(encryption.update(piece)).length;
    peak = Math.max(peak, process.memoryUsage().arrayBuffers);
  }
  came += decryption.update(encryption.finish()).length;
  decryption.finish();
  assert.equal(came, bytes);
  return peak;
}

for (const algorithm of ['A128GCM', 'A128CTR'] as const) {
  test(`S4-39, ${algorithm}: a payload of 1 GB takes no more memory than one of 64 MB`, () => {
    // What is let go of is collected in its own time: what the longer payload may hold beyond the shorter one
    // is far below its length.
    const short = peakOf(64 * megabyte, algorithm);
    const long = peakOf(1024 * megabyte, algorithm);
    assert.ok(long < short + 128 * megabyte, `${short} and ${long} bytes`);
  });
}
