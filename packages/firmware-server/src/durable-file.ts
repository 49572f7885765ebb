/**
 * Files that are there whole or not at all, whenever the power or the process ends: a temporary file is
 * written and synced, then renamed, then the folder is synced, because a rename is only durable once its
 * folder is (POSIX fsync).
 */
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Random } from '@lapel/transport';
import { full } from './blob-writing.ts';

const suffix = '.partial';

/**
 * Writes a temporary file in `folder` and moves it to where `place` says that what was written belongs.
 * Where nothing went wrong but it has no place, it is dropped.
 * @throws {Problem} `storage-full`. Whatever is thrown, nothing of the file is left.
 */
export async function writeDurably<T>(
  folder: string,
  random: Random,
  write: (handle: FileHandle) => Promise<T>,
  place: (written: T) => Promise<string | undefined>,
): Promise<T> {
  const temporary = join(folder, `${Buffer.from(random.bytes(12)).toString('hex')}${suffix}`);
  try {
    const written = await writeAndSync(temporary, write);
    const target = await place(written);
    if (target !== undefined) {
      await makeFolder(dirname(target));
      await rename(temporary, target);
      await syncFolder(dirname(target));
    }
    return written;
  } catch (error) {
    throw asStorageFull(error) ?? error;
  } finally {
    // After a rename there is nothing left under this name.
    await rm(temporary, { force: true });
  }
}

/** Makes a folder and those above it, each durable in its own parent. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = resolve(folder); made.length >= first.length; made = dirname(made))
    await syncFolder(dirname(made));
}

/** An upload takes no longer. */
const writingMsMax = 24 * 3_600_000;

/**
 * Removes what a process that was killed left half written.
 * @param isShared by other processes: what they may be writing now stays
 */
export async function sweepPartial(folder: string, isShared: boolean): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith(suffix)) continue;
    const file = join(folder, name);
    if (!isShared || (await isOlder(file, folder))) await rm(file, { force: true });
  }
}

/** Than anything that is still being written: by the clock of the file system, which all share. */
async function isOlder(file: string, folder: string): Promise<boolean> {
  try {
    return (await stat(folder)).mtimeMs - (await stat(file)).mtimeMs > writingMsMax;
  } catch (error) {
    // Its own process was faster.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

async function writeAndSync<T>(path: string, write: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await open(path, 'wx', 0o644);
  try {
    const written = await write(handle);
    await handle.sync();
    return written;
  } finally {
    await handle.close();
  }
}

/** A rename, or a removal, is durable from here on. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const asStorageFull = (error: unknown): Error | undefined =>
  isStorageFull(error) ? full('room on the disk', error) : undefined;

/** No space, no quota, or a file larger than the system allows: for the caller all three are the same. */
export function isStorageFull(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
}
