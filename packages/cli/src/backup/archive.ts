/**
 * A backup as one file: a mark, records with their lengths before them, and behind them how long all of it
 * is and its SHA-256. The whole is held against that before anything is believed; then it is read a second
 * time, a record at a time, and held against it again.
 */

import type { Hash } from 'node:crypto';
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { CborError, hex, read, write } from '@lapel/cbor';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { KeptRecord, recordBytesMax } from './records.ts';

const startMark = new TextEncoder().encode('lapelbak');
const endMark = new TextEncoder().encode('whole');
const lengthBytes = 4;
const sizeBytes = 8;
const digestBytes = 32;
const endBytes = endMark.length + sizeBytes + digestBytes;
const readBytes = 256 * 1024;

export interface ArchiveWriter {
  add(record: KeptRecord): Promise<void>;
  /** @returns the digest of all. */
  end(): Promise<Uint8Array>;
}

export async function beginArchive(put: (bytes: Uint8Array) => Promise<void>): Promise<ArchiveWriter> {
  const hash = createHash('sha256');
  let size = 0;
  async function append(bytes: Uint8Array): Promise<void> {
    hash.update(bytes);
    size += bytes.length;
    await put(bytes);
  }
  await append(startMark);
  return {
    async add(record) {
      const item = write(KeptRecord, record);
      if (item.length > recordBytesMax)
        throw new RangeError(`expected a record of at most ${recordBytesMax} bytes, found ${item.length}`);
      await append(withLength(item));
    },
    async end() {
      await append(endMark);
      await append(asSize(size + sizeBytes + digestBytes));
      const digest = new Uint8Array(hash.digest());
      await put(digest);
      return digest;
    },
  };
}

function withLength(item: Uint8Array): Uint8Array {
  const framed = new Uint8Array(lengthBytes + item.length);
  new DataView(framed.buffer).setUint32(0, item.length);
  framed.set(item, lengthBytes);
  return framed;
}

function asSize(size: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(size));
  return bytes;
}

export interface Archive {
  readonly sizeBytes: number;
  readonly digest: Uint8Array;
  /** @throws {CommandFailure} where it is not what it was as it was opened. */
  records(): AsyncGenerator<KeptRecord>;
  close(): Promise<void>;
}

/** @throws {CommandFailure} where the file is no backup, or not as it was written. */
export async function openArchive(file: string): Promise<Archive> {
  const handle = await open(file, 'r');
  try {
    const found = await handle.stat();
    if (found.isDirectory())
      throw new CommandFailure(exitCodes.failed, `expected ${file} to be a file, found a folder`);
    const size = await whole(handle, file);
    const digest = await bytesAt(handle, size - digestBytes, digestBytes);
    await requireDigest(handle, file, size - digestBytes, digest);
    return {
      sizeBytes: size,
      digest,
      records: () => recordsIn(handle, file, size, digest),
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** @returns how long it is, where both its ends are there. */
async function whole(handle: FileHandle, file: string): Promise<number> {
  const { size } = await handle.stat();
  const start = await bytesAt(handle, 0, startMark.length);
  if (!start.every((byte, at) => byte === startMark[at]) || start.length < startMark.length)
    throw refused(`expected a backup of lapel in ${file}, found another file`);
  const end = await bytesAt(handle, Math.max(0, size - endBytes), endBytes);
  const view = new DataView(end.buffer, end.byteOffset);
  const isEnd = end.length === endBytes && endMark.every((byte, at) => byte === end[at]);
  if (!isEnd) throw refused(`expected the end of the backup in ${file}, found it cut off at ${size} bytes`);
  const told = view.getBigUint64(endMark.length);
  if (told !== BigInt(size)) throw refused(`expected ${told} bytes in ${file}, found ${size}`);
  return size;
}

async function requireDigest(
  handle: FileHandle,
  file: string,
  size: number,
  expected: Uint8Array,
): Promise<void> {
  const hash = createHash('sha256');
  for (let at = 0; at < size; at += readBytes)
    hash.update(await bytesAt(handle, at, Math.min(readBytes, size - at)));
  requireSame(hash, expected, file);
}

function requireSame(hash: Hash, expected: Uint8Array, file: string): void {
  const found = hash.digest('hex');
  if (found === hex(expected)) return;
  throw refused(
    `expected SHA-256 ${hex(expected)} of ${file}, found ${found}: some of its bytes have changed`,
  );
}

async function* recordsIn(
  handle: FileHandle,
  file: string,
  size: number,
  digest: Uint8Array,
): AsyncGenerator<KeptRecord> {
  const hash = createHash('sha256');
  const end = size - endBytes;
  let at = 0;
  async function next(length: number): Promise<Uint8Array> {
    if (at + length > end)
      throw refused(`expected a record within ${end} bytes in ${file}, found a longer one`);
    const bytes = await bytesAt(handle, at, length);
    hash.update(bytes);
    at += length;
    return bytes;
  }
  await next(startMark.length);
  while (at < end) {
    const head = await next(lengthBytes);
    const length = new DataView(head.buffer, head.byteOffset).getUint32(0);
    if (length > recordBytesMax)
      throw refused(`expected a record of at most ${recordBytesMax} bytes in ${file}, found ${length}`);
    yield recordOf(await next(length), file);
  }
  hash.update(await bytesAt(handle, end, endBytes - digestBytes));
  // It may have been written over since it was opened.
  requireSame(hash, digest, file);
}

function recordOf(bytes: Uint8Array, file: string): KeptRecord {
  try {
    return read(KeptRecord, bytes);
  } catch (error) {
    if (!(error instanceof CborError)) throw error;
    throw refused(`expected a record of a backup in ${file}: ${error.message}`, error);
  }
}

/** Fewer, where the file has become shorter. */
async function bytesAt(handle: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let read = 0; read < length;) {
    const { bytesRead } = await handle.read(bytes, read, length - read, position + read);
    if (bytesRead === 0) return bytes.subarray(0, read);
    read += bytesRead;
  }
  return bytes;
}

export const refused = (message: string, cause?: unknown): CommandFailure =>
  new CommandFailure(exitCodes.refused, message, { cause });
