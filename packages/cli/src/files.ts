/** Files that a person names on the command line: read under a limit, written whole or not at all. */

import { randomUUID } from 'node:crypto';
import { createReadStream, rmSync } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { SigningKey, VerificationKey } from '@lapel/cose';
import { CoseError, readKeyPem } from '@lapel/cose';
import { server } from '@lapel/suit';
import { exitCodes } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';
import type { Watching } from './hash-based-key.ts';
import { isHashBased, readHashBasedKey } from './hash-based-key.ts';

const textBytesMax = 256 * 1024;

/** An envelope, from a file or, with `-`, from stdin. */
export async function readEnvelopeFile(file: string): Promise<Uint8Array> {
  if (file === '-') return readAll(process.stdin, server.envelopeBytes, 'stdin');
  return readBounded(file, server.envelopeBytes);
}

export async function readTextFile(file: string): Promise<string> {
  return new TextDecoder().decode(await readBounded(file, textBytesMax));
}

export async function readSigningKey(file: string, watching?: Watching): Promise<SigningKey> {
  const key = await readKey(file, watching);
  if (key.use === 'sign') return key;
  throw new CommandFailure(exitCodes.failed, `expected a private key in ${file}, found a public one`);
}

/** The public half, where the file holds a private key. */
export async function readVerificationKey(file: string): Promise<VerificationKey> {
  const key = await readKey(file);
  return key.use === 'sign' ? key.public : key;
}

/** @throws EEXIST where the file is there already. */
export async function writeNewFile(file: string, content: string | Uint8Array, mode: number): Promise<void> {
  const handle = await open(file, 'wx', mode).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
    const message = `expected the folder ${dirname(file)} to exist, found none`;
    throw new CommandFailure(exitCodes.failed, message, { cause: error });
  });
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Under another name first: whoever reads the file sees the old content or the new one, never a half. */
export async function replaceFile(file: string, content: Uint8Array): Promise<void> {
  await requireNoFolder(file);
  const other = `${file}.${randomUUID()}`;
  const forget = removedWhenStopped(other);
  try {
    await writeNewFile(other, content, 0o644);
    await rename(other, file);
  } catch (error) {
    await rm(other, { force: true });
    // The user knows nothing of the other name.
    if (error instanceof Error && 'path' in error) error.path = file;
    throw error;
  } finally {
    forget();
  }
}

async function requireNoFolder(file: string): Promise<void> {
  const found = await stat(file).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (found?.isDirectory() !== true) return;
  throw new CommandFailure(exitCodes.failed, `expected ${file} to be a file, found a folder`);
}

/** Whoever stops the command finds nothing of the file; the command then ends as it would have. */
function removedWhenStopped(file: string): () => void {
  const stop = (signal: NodeJS.Signals): void => {
    rmSync(file, { force: true });
    forget();
    process.kill(process.pid, signal);
  };
  const forget = (): void => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stop);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop);
  return forget;
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;

async function readKey(file: string, watching?: Watching): Promise<SigningKey | VerificationKey> {
  const pem = await readTextFile(file);
  if (isHashBased(pem)) return readHashBasedKey(file, pem, watching);
  try {
    return readKeyPem(pem);
  } catch (error) {
    if (error instanceof CoseError)
      throw new CoseError(error.kind, `${file}: ${error.message}`, { cause: error });
    throw error;
  }
}

async function readBounded(file: string, limitBytes: number): Promise<Uint8Array> {
  await requireNoFolder(file);
  const { size } = await stat(file);
  if (size > limitBytes) throw tooLong(file, limitBytes);
  // A device has no size, and may have no end.
  return readAll(createReadStream(file), limitBytes, file);
}

async function readAll(
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
