/**
 * What every Blobs does (house rule 11): each implementation passes this suite, in this room or in another.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Blobs } from '@lapel/firmware-server';
import type { Body } from '@lapel/transport';
import { bytesBody, collect, discard, emptyBody } from '@lapel/transport';

export type MakeBlobs = (context: TestContext, options: { readonly limitBytes: number }) => Promise<Blobs>;

const mebibyte = 1024 * 1024;

export function testBlobs(name: string, make: MakeBlobs): void {
  testKeeping(name, (context) => make(context, { limitBytes: 64 * mebibyte }));
  testReading(name, (context) => make(context, { limitBytes: 64 * mebibyte }));
  testRoom(name, make);
}

type MakeRoomy = (context: TestContext) => Promise<Blobs>;

function testKeeping(name: string, roomy: MakeRoomy): void {
  test(`${name}: what is put comes back byte for byte under its digest`, async (context) => {
    const blobs = await roomy(context);
    for (const bytes of [new Uint8Array(0), utf8('lamp'), pattern(3 * mebibyte + 1)]) {
      const blob = await blobs.put(inChunks(bytes, 65_536));
      assert.deepEqual(blob, { digest: sha256(bytes), size: bytes.length });
      assert.deepEqual(await readAll(blobs, blob.digest), bytes);
      assert.equal(await blobs.sizeOf(blob.digest), bytes.length);
    }
  });

  test(`${name}: content with another digest than expected is refused and not kept`, async (context) => {
    const blobs = await roomy(context);
    const expected = sha256(utf8('lamp'));
    await assert.rejects(blobs.put(bytesBody(utf8('lump')), expected), {
      name: 'Problem',
      code: 'unprocessable',
      detail: `expected content with the digest ${expected}, found ${sha256(utf8('lump'))}`,
    });
    assert.equal(await blobs.get(expected), undefined);
    assert.equal(await blobs.get(sha256(utf8('lump'))), undefined);
    await blobs.put(bytesBody(utf8('lamp')), expected);
    assert.equal(await blobs.sizeOf(expected), 4);
  });

  test(`${name}: a sender may use its chunk again after it has handed it over`, async (context) => {
    const blobs = await roomy(context);
    const chunk = new Uint8Array(4);
    async function* reused() {
      for (const letter of 'ab') {
        chunk.fill(letter.charCodeAt(0));
        yield chunk;
      }
    }
    const { digest } = await blobs.put(reused());
    assert.equal(digest, sha256(utf8('aaaabbbb')));
    assert.deepEqual(await readAll(blobs, digest), utf8('aaaabbbb'));
  });
}

function testReading(name: string, roomy: MakeRoomy): void {
  test(`${name}: what nobody has put is not there, nor is a name that is no digest`, async (context) => {
    const blobs = await roomy(context);
    for (const digest of [
      sha256(utf8('x')),
      '',
      '..',
      '../../etc/passwd',
      'A'.repeat(64),
      `${'a'.repeat(64)}\0`,
    ]) {
      assert.equal(await blobs.get(digest), undefined);
      assert.equal(await blobs.sizeOf(digest), undefined);
    }
  });

  test(`${name}: a range brings the part that exists of it`, async (context) => {
    const blobs = await roomy(context);
    const { digest } = await blobs.put(bytesBody(utf8('0123456789')));
    const ranges = [
      [{ start: 4 }, 4, '456789'],
      [{ start: 4, end: 5 }, 4, '45'],
      [{ start: 4, end: 4 }, 4, '4'],
      [{ start: 8, end: 99 }, 8, '89'],
      [{ start: 0 }, 0, '0123456789'],
      [{ start: 10 }, 10, ''],
      [{ start: 99, end: 100 }, 99, ''],
    ] as const;
    for (const [range, start, expected] of ranges) {
      const part = await blobs.get(digest, range);
      assert.ok(part);
      assert.equal(part.size, 10);
      assert.equal(part.start, start);
      assert.equal(part.length, expected.length);
      assert.deepEqual(await collect(part.body, 10), utf8(expected));
    }
    const { digest: empty } = await blobs.put(emptyBody);
    const beyond = await blobs.get(empty, { start: 0 });
    assert.equal(beyond?.length, 0);
  });

  test(`${name}: a blob that nobody reads is let go`, async (context) => {
    const blobs = await roomy(context);
    const { digest } = await blobs.put(bytesBody(pattern(mebibyte)));
    for (let turn = 0; turn < 100; turn++) {
      const blob = await blobs.get(digest);
      assert.ok(blob);
      await discard(blob.body);
    }
  });
}

function testRoom(name: string, make: MakeBlobs): void {
  test(`${name}: of a body that breaks off nothing is kept`, async (context) => {
    const blobs = await make(context, { limitBytes: 8 });
    async function* broken() {
      yield utf8('lam');
      throw new Error('the line went dead');
    }
    for (let attempt = 0; attempt < 10; attempt++) {
      await assert.rejects(blobs.put(broken()), { message: 'the line went dead' });
    }
    assert.equal(await blobs.get(sha256(utf8('lam'))), undefined);
    // Were the room of the attempts not given back, this would not fit.
    await blobs.put(bytesBody(utf8('12345678')));
  });

  test(`${name}: room is limited; what does not fit is refused, what is there stays`, async (context) => {
    const blobs = await make(context, { limitBytes: mebibyte });
    const first = await blobs.put(inChunks(pattern(mebibyte / 2), 10_000));
    const tooMuch = inChunks(pattern(mebibyte, 7), 10_000);
    await assert.rejects(blobs.put(tooMuch), { name: 'Problem', code: 'storage-full' });
    assert.equal(await blobs.sizeOf(sha256(pattern(mebibyte, 7))), undefined);
    assert.deepEqual(await readAll(blobs, first.digest), pattern(mebibyte / 2));
    // The same again takes no room, once it is known to be the same.
    await blobs.put(inChunks(pattern(mebibyte / 2), 10_000));
    await blobs.put(inChunks(pattern(mebibyte / 2, 7), 10_000));
    await assert.rejects(blobs.put(bytesBody(utf8('x'))), { name: 'Problem', code: 'storage-full' });
  });

  test(`${name}: many uploads of one blob at once keep it once`, async (context) => {
    const blobs = await make(context, { limitBytes: 10 * mebibyte });
    const bytes = pattern(mebibyte);
    const all = await Promise.all(Array.from({ length: 8 }, () => blobs.put(inChunks(bytes, 50_000))));
    for (const blob of all) assert.equal(blob.digest, sha256(bytes));
    assert.deepEqual(await readAll(blobs, sha256(bytes)), bytes);
    await blobs.put(inChunks(pattern(9 * mebibyte, 3), 50_000));
  });
}

export const utf8 = (text: string) => new TextEncoder().encode(text);
export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Bytes that differ along the way, so that a part in the wrong place is noticed. */
export const pattern = (length: number, seed = 1) =>
  Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8) + seed) & 0xff);

export async function* inChunks(bytes: Uint8Array, size: number): Body {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

export async function readAll(blobs: Blobs, digest: string): Promise<Uint8Array> {
  const blob = await blobs.get(digest);
  assert.ok(blob, `expected a blob ${digest}, found none`);
  return collect(blob.body, blob.length);
}
