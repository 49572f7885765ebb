/**
 * The cache's disk: whole contents, and those that arrive, each a file under its name. What is used least
 * goes when there is no room, but never what somebody reads. After a power cut a file may hold anything: none
 * is handed out before it has been proven since the start.
 */
import { rmSync } from 'node:fs';
import { open, readdir, rename, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { isStorageFull, makeFolder, syncFolder } from '@lapel/firmware-server';
import type { ContentName } from './content.ts';
import { contentOfFile, fileNameOf, proofOf } from './content.ts';

export interface Store {
  /** What is whole and what its name says. Whoever gets it releases it. */
  open(name: ContentName): Promise<Held | undefined>;
  /** A file for what is to come; where an earlier transfer broke off, with what that has left. */
  receive(name: ContentName): Promise<Arrival>;
  readonly usedBytes: number;
  readonly count: number;
}

/** A file that is not removed while it is held. It is held once by whoever got it. */
export interface Held {
  readonly size: number;
  read(at: number, length: number): Promise<Uint8Array>;
  hold(): void;
  release(): void;
}

export interface Arrival extends Held {
  /** Behind what is there. @returns false where there is no room for it, whatever else is given up */
  write(chunk: Uint8Array): Promise<boolean>;
  /** Makes room for all of it at once, before the first byte is asked for. */
  reserve(bytes: number): boolean;
  restart(): Promise<void>;
  /** It is whole and proven. */
  keep(): Promise<void>;
}

export interface StoreOptions {
  readonly folder: string;
  readonly limitBytes: number;
}

interface Entry {
  readonly name: ContentName;
  file: string;
  size: number;
  /** Taken for what is still to come. */
  reserved: number;
  isWhole: boolean;
  /** Since the start; asked once, however many want it at once. */
  proven: Promise<boolean> | undefined;
  holders: number;
  handle: Promise<FileHandle> | undefined;
}

const arriving = '.arriving';
/** Files; each costs about 300 bytes of memory. */
const entriesMax = 100_000;
/** For reading a whole file to prove it. */
const pieceBytes = 1024 * 1024;

export async function openStore({ folder, limitBytes }: StoreOptions): Promise<Store> {
  await makeFolder(folder);
  /** In the order in which they were last used. */
  const entries = await found(folder);
  const room = roomIn(entries, limitBytes);
  room.take(0);

  const find = (name: ContentName) => entries.get(fileNameOf(name));
  const used = (entry: Entry) => {
    entries.delete(fileNameOf(entry.name));
    entries.set(fileNameOf(entry.name), entry);
  };

  return {
    get usedBytes() {
      return room.usedBytes();
    },
    get count() {
      return entries.size;
    },

    async open(name) {
      const entry = find(name);
      if (entry?.isWhole !== true) return undefined;
      used(entry);
      const held = holding(entry, room);
      entry.proven ??= isProven(entry, held);
      if (await entry.proven) return held;
      // It has rotted while nobody looked.
      held.release();
      room.drop(entry);
      return undefined;
    },

    async receive(name) {
      const known = find(name);
      if (known === undefined && entries.size >= entriesMax) room.dropOldest();
      const file = join(folder, fileNameOf(name));
      const entry = known ?? entryOf(name, `${file}${arriving}`, 0);
      used(entry);
      const held = holding(entry, room);
      await handleOf(entry);
      return Object.assign(held, writing(entry, room, { whole: file, folder }));
    },
  };
}

type Room = ReturnType<typeof roomIn>;

function roomIn(entries: Map<string, Entry>, limitBytes: number) {
  let usedBytes = [...entries.values()].reduce((total, { size }) => total + size, 0);
  const drop = (entry: Entry): void => {
    if (entries.get(fileNameOf(entry.name)) !== entry) return;
    entries.delete(fileNameOf(entry.name));
    usedBytes -= entry.size + entry.reserved;
    // At once: a file of the same name may be made in the next moment.
    rmSync(entry.file, { force: true });
  };
  const dropOldest = (): boolean => {
    for (const entry of entries.values()) {
      if (entry.holders > 0) continue;
      drop(entry);
      return true;
    }
    return false;
  };
  return {
    usedBytes: () => usedBytes,
    drop,
    dropOldest,
    take(bytes: number): boolean {
      const isFull = () => usedBytes + bytes > limitBytes;
      while (isFull()) if (!dropOldest()) return false;
      usedBytes += bytes;
      return true;
    },
    give: (bytes: number) => void (usedBytes -= bytes),
  };
}

const entryOf = (name: ContentName, file: string, size: number): Entry => ({
  name,
  file,
  size,
  reserved: 0,
  isWhole: !file.endsWith(arriving),
  proven: undefined,
  holders: 0,
  handle: undefined,
});

/** The oldest first. Files with other names are not ours, and stay. */
async function found(folder: string): Promise<Map<string, Entry>> {
  const seen: { readonly entry: Entry; readonly atMs: number }[] = [];
  for (const fileName of await readdir(folder)) {
    const name = contentOfFile(fileName.replace(arriving, ''));
    if (name === undefined) continue;
    const file = join(folder, fileName);
    const { size, mtimeMs } = await stat(file);
    seen.push({ entry: entryOf(name, file, size), atMs: mtimeMs });
  }
  // Of one that is there both whole and half, the whole counts: it comes behind.
  seen.sort((a, b) => Number(a.entry.isWhole) - Number(b.entry.isWhole) || a.atMs - b.atMs);
  return new Map(seen.map(({ entry }) => [fileNameOf(entry.name), entry]));
}

function holding(entry: Entry, room: Room): Held {
  const hold = () => {
    entry.holders += 1;
    entry.handle ??= open(entry.file, entry.isWhole ? 'r' : 'a+', 0o644);
  };
  hold();
  return {
    get size() {
      return entry.size;
    },
    async read(at, length) {
      const handle = await handleOf(entry);
      const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(length), 0, length, at);
      return new Uint8Array(buffer.buffer, buffer.byteOffset, bytesRead);
    },
    hold,
    release() {
      entry.holders -= 1;
      if (entry.holders > 0) return;
      room.give(entry.reserved);
      entry.reserved = 0;
      const { handle } = entry;
      entry.handle = undefined;
      // Of what nobody upstream has, nothing stays.
      if (entry.size === 0 && !entry.isWhole) room.drop(entry);
      // Whoever waits for the file has been told by its opening what is wrong with it.
      handle?.then((opened) => opened.close()).catch(() => undefined);
    },
  };
}

function handleOf({ handle }: Entry): Promise<FileHandle> {
  if (handle === undefined) throw new Error('expected a file that is held, found it released');
  return handle;
}

async function isProven(entry: Entry, held: Held): Promise<boolean> {
  const proof = proofOf(entry.name);
  for (let at = 0; at < held.size;) {
    const piece = await held.read(at, Math.min(pieceBytes, held.size - at));
    if (piece.length === 0) return false;
    proof.update(piece);
    at += piece.length;
  }
  return proof.holds();
}

function writing(
  entry: Entry,
  room: Room,
  { whole, folder }: { readonly whole: string; readonly folder: string },
): Omit<Arrival, keyof Held> {
  return {
    reserve(bytes) {
      const further = bytes - entry.size - entry.reserved;
      if (further <= 0) return true;
      if (!room.take(further)) return false;
      entry.reserved += further;
      return true;
    },
    async write(chunk) {
      const handle = await handleOf(entry);
      const fromReserve = Math.min(entry.reserved, chunk.length);
      if (!room.take(chunk.length - fromReserve)) return false;
      entry.reserved -= fromReserve;
      try {
        await handle.appendFile(chunk);
      } catch (error) {
        room.give(chunk.length);
        if (!isStorageFull(error)) throw error;
        // What of the chunk was written is cut off: the file holds what the books say.
        await handle.truncate(entry.size);
        return false;
      }
      entry.size += chunk.length;
      return true;
    },
    async restart() {
      await (await handleOf(entry)).truncate(0);
      room.give(entry.size);
      entry.size = 0;
    },
    async keep() {
      await (await handleOf(entry)).sync();
      await rename(entry.file, whole);
      await syncFolder(folder);
      room.give(entry.reserved);
      Object.assign(entry, { file: whole, isWhole: true, proven: Promise.resolve(true), reserved: 0 });
    },
  };
}
