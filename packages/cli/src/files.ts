/** Files that a person names on the command line: read under a limit, written whole or not at all. */

import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, fsync, openSync, readFileSync, rmSync, statSync, writeFile } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { server } from '@lapel/suit';
import { exitCodes } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';

const textBytesMax = 256 * 1024;

/** An envelope, from a file or, with `-`, from stdin. */
export async function readEnvelopeFile(file: string): Promise<Uint8Array> {
  const bytes = await readUnproven(file);
  if (bytes.length > 0) return bytes;
  const where = file === '-' ? 'on stdin' : `in ${file}`;
  throw new CommandFailure(exitCodes.refused, `expected an envelope ${where}, found nothing in it`);
}

/** The same, for who tells what is wrong with it: there may be nothing in it. */
export const readUnproven = (file: string): Promise<Uint8Array> =>
  file === '-'
    ? gathered(process.stdin, server.envelopeBytes, 'stdin')
    : readBounded(file, server.envelopeBytes);

export async function readTextFile(file: string): Promise<string> {
  return new TextDecoder().decode(await readBounded(file, textBytesMax));
}

/** Nothing is believed of its size: it may grow while it is read, or be a device that never ends. */
export async function readBounded(file: string, limitBytes: number): Promise<Uint8Array> {
  await requireNoFolder(file);
  const handle = await open(file, 'r');
  try {
    if ((await handle.stat()).size > limitBytes) throw tooLong(file, limitBytes);
    return await gathered(handle.createReadStream({ autoClose: false }), limitBytes, file);
  } catch (error) {
    throw inFile(error, file);
  } finally {
    await handle.close();
  }
}

/** The same at once, for what a device's driver reads. */
export function readBoundedNow(file: string, limitBytes: number): Uint8Array {
  const found = statSync(file);
  if (found.isDirectory()) throw folderFound(file);
  if (found.size > limitBytes) throw tooLong(file, limitBytes);
  return new Uint8Array(readFileSync(file));
}

/** What is there already is neither written over nor removed. @throws {CommandFailure} */
export function requireRoom(file: string): void {
  if (existsSync(file)) {
    throw new CommandFailure(exitCodes.conflict, `expected ${file} not to exist yet, found it`);
  }
  const folder = dirname(file);
  if (existsSync(folder) && statSync(folder).isDirectory()) return;
  const found = existsSync(folder) ? 'a file' : 'none';
  throw new CommandFailure(exitCodes.failed, `expected the folder ${folder} to exist, found ${found}`);
}

/** @throws EEXIST where the file is there already. */
export async function writeNewFile(file: string, content: string | Uint8Array, mode: number): Promise<void> {
  await writing(file, mode, (write) => write(content));
}

/** Under another name first: whoever reads the file sees the old content or the new one, never a half. */
export async function replaceFile(file: string, content: Uint8Array): Promise<void> {
  await replaceInPieces(file, (write) => write(content));
}

type Write = (piece: string | Uint8Array) => Promise<void>;

/** As `replaceFile`, of what never lies in memory as a whole. */
export async function replaceInPieces(
  file: string,
  make: (write: Write) => Promise<void>,
  mode = 0o644,
): Promise<void> {
  await requireNoFolder(file);
  const other = `${file}.${randomUUID()}`;
  const forget = removedOnSignal(other);
  try {
    await writing(other, mode, make);
    await movedOver(other, file);
    await syncFolder(dirname(file));
  } catch (error) {
    // The user knows nothing of the other name.
    throw inFile(error, file, other);
  } finally {
    forget();
  }
}

/** Told before anything is made that could not be kept. */
async function requireNoFolder(file: string): Promise<void> {
  const found = await stat(file).catch((error: unknown) => {
    // What is not there yet, or in no folder, is found out by whoever opens it.
    if (['ENOENT', 'ENOTDIR'].includes(String(codeOf(error)))) return undefined;
    throw error;
  });
  if (found?.isDirectory() !== true) return;
  throw folderFound(file);
}

const folderFound = (file: string) =>
  new CommandFailure(exitCodes.failed, `expected ${file} to be a file, found a folder`);

async function movedOver(other: string, file: string): Promise<void> {
  try {
    await rename(other, file);
  } catch (error) {
    await rm(other);
    throw error;
  }
}

/** A file of which only a part could be written is none. */
async function writing(file: string, mode: number, make: (write: Write) => Promise<void>): Promise<void> {
  const descriptor = made(file, mode);
  try {
    await make((piece) => writeOn(descriptor, piece));
    await sync(descriptor);
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

const [writeOn, sync] = [promisify(writeFile), promisify(fsync)];

/** At once: were it under way when a signal comes, it would be there after all was removed. */
function made(file: string, mode: number): number {
  try {
    return openSync(file, 'wx', mode);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    const message = `expected the folder ${dirname(file)} to exist, found none`;
    throw new CommandFailure(exitCodes.failed, message, { cause: error });
  }
}

/** The name of a file is kept by its folder. Windows opens no folders, and keeps names by itself. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Whoever breaks a command off finds nothing half-written, nor a folder. @returns what ends the watch. */
export function removedOnSignal(...files: readonly string[]): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const leave = (signal: NodeJS.Signals) => {
    for (const file of files) rmSync(file, { force: true, recursive: true });
    // How a shell tells of a signal.
    process.exit(128 + constants.signals[signal]);
  };
  for (const signal of signals) process.once(signal, leave);
  return () => {
    for (const signal of signals) process.removeListener(signal, leave);
  };
}

/** An error of the system that names the file, where it named the other one or none. */
function inFile(error: unknown, file: string, other?: string): unknown {
  if (!(error instanceof Error) || codeOf(error) === undefined) return error;
  const path = 'path' in error ? error.path : undefined;
  if (path === undefined || path === other) Object.assign(error, { path: file });
  return error;
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;

async function gathered(
  stream: AsyncIterable<Uint8Array>,
  limitBytes: number,
  name: string,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > limitBytes) throw tooLong(name, limitBytes);
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

const tooLong = (file: string, limitBytes: number) =>
  new CommandFailure(exitCodes.failed, `expected at most ${limitBytes} bytes in ${file}, found more`);
