/** An image of 1 GB is read in pieces: it never is in memory. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ImageError, fileImages } from '@lapel/author';

const megabyte = 2 ** 20;

async function inFolder(sizeBytes: number, act: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'lapel-large-'));
  try {
    writeFileSync(join(folder, 'large.bin'), '');
    truncateSync(join(folder, 'large.bin'), sizeBytes);
    await act(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('S0-30: an image of 1 GB takes no more memory than one of 1 MB', async () => {
  const peakOf = async (sizeBytes: number): Promise<number> => {
    let [peak, done] = [0, 0];
    await inFolder(sizeBytes, async (folder) => {
      const images = fileImages(folder, (_, doneBytes) => {
        done = doneBytes;
        peak = Math.max(peak, process.memoryUsage().arrayBuffers);
      });
      assert.equal((await images.measure('large.bin')).sizeBytes, sizeBytes);
    });
    assert.equal(done, sizeBytes);
    return peak;
  };
  const [short, long] = [await peakOf(megabyte), await peakOf(1024 * megabyte)];
  assert.ok(long < short + 16 * megabyte, `${short} and ${long} bytes`);
});

test('S0-30: what would have to be held and is too long is refused before it is read', async () => {
  await inFolder(5 * 1024 * megabyte, async (folder) => {
    let read = 0;
    const images = fileImages(folder, (_, doneBytes) => (read = doneBytes));
    await assert.rejects(images.read('large.bin', megabyte), (error: Error) => {
      assert.ok(error instanceof ImageError);
      return /expected a file of at most 1048576 bytes .*found 5368709120 in/.test(error.message);
    });
    assert.equal(read, 0);
  });
});
