/**
 * Messages that wait for the way upstream, a file each, named by their order and their digest. One is there
 * whole or not at all, and twice the same is one.
 */
import { readFile, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { digest } from '@lapel/cose';
import { makeFolder, sweepPartial, syncFolder, writeDurably } from '@lapel/firmware-server';
import type { Random } from '@lapel/transport';
import { Problem } from '@lapel/transport';

export type MessageKind = 'reports' | 'check-in';

export interface Message {
  readonly kind: MessageKind;
  readonly file: string;
  readonly digest: string;
  readonly size: number;
}

export interface Outbox {
  /** Resolves when it is safe. @throws {Problem} `storage-full` */
  add(kind: MessageKind, bytes: Uint8Array): Promise<void>;
  first(): Message | undefined;
  read(message: Message): Promise<Uint8Array>;
  remove(message: Message): Promise<void>;
  /** Behind all others, until the next start. */
  putBack(message: Message): void;
  count(kind: MessageKind): number;
  /** Resolves when there is something to send; rejects with the signal's reason. */
  added(signal: AbortSignal): Promise<void>;
}

export interface OutboxOptions {
  readonly folder: string;
  readonly random: Random;
  readonly limits?: Partial<OutboxLimits>;
}

export interface OutboxLimits {
  /** Reports are kept; who brings one more keeps it, and asks again. */
  readonly reports: number;
  readonly reportBytes: number;
  /** Of check-ins only the newest matter: an older one makes room. */
  readonly checkIns: number;
}

export const outboxLimits: OutboxLimits = {
  reports: 100_000,
  reportBytes: 256 * 1024 * 1024,
  checkIns: 1000,
};

export async function openOutbox({ folder, random, limits: given = {} }: OutboxOptions): Promise<Outbox> {
  const limits = { ...outboxLimits, ...given };
  await makeFolder(folder);
  await sweepPartial(folder, false);
  const waiting = await found(folder);
  let last = Math.max(0, ...[...waiting.values()].map(({ file }) => Number(file.split('-', 1)[0])));
  /** By digest, until they are safe. */
  const adding = new Map<string, Promise<void>>();
  let news = Promise.withResolvers<void>();

  const ofKind = (kind: MessageKind) => [...waiting.values()].filter((message) => message.kind === kind);
  const counts = { reports: ofKind('reports').length, 'check-in': ofKind('check-in').length };
  let reportBytes = ofKind('reports').reduce((total, { size }) => total + size, 0);

  function book(message: Message, sign: 1 | -1): void {
    counts[message.kind] += sign;
    if (message.kind === 'reports') reportBytes += sign * message.size;
  }

  async function remove(message: Message): Promise<void> {
    if (!waiting.delete(message.digest)) return;
    book(message, -1);
    await rm(join(folder, message.file), { force: true });
    await syncFolder(folder);
  }

  function requireRoom(bytes: number): void {
    if (counts.reports < limits.reports && reportBytes + bytes <= limits.reportBytes) return;
    const found = `expected fewer than ${limits.reports} reports of ${limits.reportBytes} bytes that wait`;
    throw new Problem('storage-full', `${found}, found no room for one more`);
  }

  async function write(kind: MessageKind, name: string, bytes: Uint8Array): Promise<void> {
    if (kind === 'reports') requireRoom(bytes.length);
    else if (counts[kind] >= limits.checkIns) {
      const [oldest] = ofKind(kind);
      if (oldest !== undefined) await remove(oldest);
    }
    last += 1;
    const file = `${String(last).padStart(orderDigits, '0')}-${kind}-${name}`;
    const message = { kind, file, digest: name, size: bytes.length };
    // Booked before it is written, so that many at once keep within the limits, too.
    book(message, 1);
    try {
      await writeDurably(
        folder,
        random,
        (handle) => handle.appendFile(bytes),
        async () => join(folder, file),
      );
    } catch (error) {
      book(message, -1);
      throw error;
    }
    waiting.set(name, message);
    news.resolve();
  }

  return {
    async add(kind, bytes) {
      const name = nameOf(bytes);
      if (waiting.has(name)) return;
      const known = adding.get(name);
      if (known !== undefined) return known;
      const added = write(kind, name, bytes).finally(() => adding.delete(name));
      adding.set(name, added);
      return added;
    },

    first: () => waiting.values().next().value,
    read: async ({ file }) => new Uint8Array(await readFile(join(folder, file))),
    remove,
    putBack(message) {
      if (waiting.delete(message.digest)) waiting.set(message.digest, message);
    },
    count: (kind) => counts[kind],
    async added(signal) {
      if (waiting.size > 0) return;
      news = Promise.withResolvers();
      const { promise, reject } = news;
      const stop = () => reject(signal.reason as Error);
      signal.addEventListener('abort', stop, { once: true });
      try {
        signal.throwIfAborted();
        await promise;
      } finally {
        signal.removeEventListener('abort', stop);
      }
    },
  };
}

/** Twice the same is one. */
export const nameOf = (bytes: Uint8Array): string => Buffer.from(digest('sha-256', bytes)).toString('hex');

/** Enough for a message each microsecond of thirty years; numbers are not used again. */
const orderDigits = 15;

/** By their digests, in order. Files with other names are not ours, and stay. */
async function found(folder: string): Promise<Map<string, Message>> {
  const messages = new Map<string, Message>();
  for (const file of (await readdir(folder)).sort()) {
    const groups = /^\d{15}-(?<kind>reports|check-in)-(?<name>[0-9a-f]{64})$/.exec(file)?.groups;
    const kind = groups?.['kind'] === 'check-in' ? 'check-in' : 'reports';
    const name = groups?.['name'];
    if (name === undefined) continue;
    messages.set(name, { kind, file, digest: name, size: (await stat(join(folder, file))).size });
  }
  return messages;
}
