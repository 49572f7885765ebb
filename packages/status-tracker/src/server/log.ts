/**
 * The transparency log: every release that may be offered and every campaign and order that is obeyed has its
 * entry *before* anything comes of it, so that nothing happens that isn't there to be found. It only grows;
 * who keeps a signed head can have it proved of every later one.
 */
import type { SigningKey } from '@lapel/cose';
import type { Clock } from '@lapel/transport';
import { Problem } from '@lapel/transport';
import type { ReadNode, TreeNode } from '../transparency/merkle-tree.ts';
import { consistencyProof, grow, inclusionProof, leafHash, rootOf } from '../transparency/merkle-tree.ts';
import { sealTreeHead } from '../transparency/tree-head.ts';

/** An entry as it is kept, under its number. */
export interface LoggedEntry {
  readonly entry: Uint8Array;
  /** Of `entry`: by which it is found again. */
  readonly hash: Uint8Array;
  readonly atMs: number;
}

/** What a log is kept in; each method is one complete transaction. */
export interface LogStore {
  logSize(): Promise<number>;
  /**
   * Adds entries behind number `size`, with the nodes that they fill.
   * @returns false where the log has another size by now, or one of the entries: nothing was added.
   */
  appendLog(size: number, entries: readonly LoggedEntry[], nodes: readonly TreeNode[]): Promise<boolean>;
  /** From number `from` on. */
  logEntries(from: number, limit: number): Promise<readonly LoggedEntry[]>;
  /** The number of the entry with that hash. */
  logPlace(hash: Uint8Array): Promise<number | undefined>;
  /** @throws where there is none. */
  logNode: ReadNode;
}

export interface Inclusion {
  readonly index: number;
  readonly size: number;
  readonly proof: readonly Uint8Array[];
}

export interface TransparencyLog {
  /** Returns when they are durable. What is there already stays where it is. */
  append(entries: readonly Uint8Array[]): Promise<void>;
  size(): Promise<number>;
  /** A COSE_Sign1 of a TreeHead, of now. */
  head(): Promise<Uint8Array>;
  entries(from: number, limit: number): Promise<readonly LoggedEntry[]>;
  /** Of an entry in the first `size`. @throws {Problem} where it isn't. */
  inclusion(entry: Uint8Array, size: number): Promise<Inclusion>;
  /** Of the first `from` in the first `size`. @throws {Problem} where there are not so many. */
  consistency(from: number, size: number): Promise<readonly Uint8Array[]>;
}

/** Other trackers append to the same log; that one is always ahead so often in a row is no coincidence. */
const attemptsMax = 100;

export function createLog(store: LogStore, clock: Clock, trackerKey: SigningKey): TransparencyLog {
  async function missingOf(entries: readonly Uint8Array[]): Promise<readonly LoggedEntry[]> {
    const atMs = clock.wallMs();
    const missing = new Map<string, LoggedEntry>();
    for (const entry of entries) {
      const hash = leafHash(entry);
      if ((await store.logPlace(hash)) === undefined) missing.set(hash.join(), { entry, hash, atMs });
    }
    return [...missing.values()];
  }

  async function append(entries: readonly Uint8Array[]): Promise<void> {
    for (let left = attemptsMax; left > 0; left--) {
      const size = await store.logSize();
      const missing = await missingOf(entries);
      if (missing.length === 0) return;
      const nodes = await grow(
        size,
        missing.map(({ hash }) => hash),
        store.logNode,
      );
      if (await store.appendLog(size, missing, nodes)) return;
    }
    throw new Problem(
      'unavailable',
      `expected the log to stand still for a moment, found it grow ${attemptsMax} times`,
    );
  }

  async function requireSize(size: number): Promise<void> {
    const found = await store.logSize();
    if (size > found) throw new Problem('not-found', `expected at most ${found} entries, found ${size}`);
  }

  return {
    append,
    size: () => store.logSize(),
    async head() {
      const size = await store.logSize();
      const root = await rootOf(size, store.logNode);
      return sealTreeHead(trackerKey, { size, root, wallMs: clock.wallMs() });
    },
    entries: (from, limit) => store.logEntries(from, limit),
    async inclusion(entry, size) {
      await requireSize(size);
      const index = await store.logPlace(leafHash(entry));
      if (index === undefined || index >= size) {
        throw new Problem('not-found', `expected an entry of the first ${size}, found none like it`);
      }
      return { index, size, proof: await inclusionProof(index, size, store.logNode) };
    },
    async consistency(from, size) {
      await requireSize(size);
      if (from > size) throw new Problem('bad-request', `expected at most ${size} entries, found ${from}`);
      return consistencyProof(from, size, store.logNode);
    },
  };
}
