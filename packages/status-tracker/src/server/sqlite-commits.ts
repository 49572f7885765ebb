/** One connection's transactions, committed together. */
import type { DatabaseSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { isBusy, told } from './sqlite-errors.ts';

/** Transactions that share one commit. */
const sharedMax = 500;
/**
 * SQLite queues nobody: one process that writes without a pause leaves others its shortest gaps, which are
 * found by looking often, not by waiting long. So many short waits are ten seconds.
 */
export const busyMs = 50;
const triesMax = 200;

/**
 * Transactions that come while others are under way wait, and share the next commit: so the cost of making
 * them durable is shared, too. Each is whole or not at all by itself, and none has happened before all have.
 */
export function createCommits(db: DatabaseSync) {
  interface Waiting {
    readonly act: () => Promise<void>;
    readonly resolve: () => void;
    readonly reject: (error: unknown) => void;
  }
  let queue: Waiting[] = [];
  const now: { underWay?: Promise<void> | undefined; commit?: Promise<void> | undefined } = {};

  async function drain(): Promise<void> {
    while (queue.length > 0) {
      // What came in with the same turn of the event loop comes along.
      await setImmediate();
      const refused = await begin();
      const turn = queue.slice(0, sharedMax);
      queue = queue.slice(sharedMax);
      if (refused !== undefined) for (const { reject } of turn) reject(refused);
      else await (now.commit = commit(turn));
      now.commit = undefined;
    }
    now.underWay = undefined;
  }

  /** @returns why it can't begin: another process did not let go of the file for `triesMax` times. */
  async function begin(): Promise<unknown> {
    for (let tries = 1; ; tries += 1) {
      try {
        db.exec('BEGIN IMMEDIATE');
        return undefined;
      } catch (error) {
        if (!isBusy(error) || tries === triesMax) return told(error);
        // Reads and other work go on meanwhile.
        await setImmediate();
      }
    }
  }

  async function commit(turn: readonly Waiting[]): Promise<void> {
    const done: Waiting[] = [];
    try {
      for (const each of turn) if (await stands(each)) done.push(each);
      db.exec('COMMIT');
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      for (const { reject } of turn) reject(told(error));
      return;
    }
    for (const { resolve } of done) resolve();
  }

  /** @returns whether it is in the commit. @throws where it took the whole transaction with it. */
  async function stands({ act, reject }: Waiting): Promise<boolean> {
    db.exec('SAVEPOINT one');
    try {
      await act();
      db.exec('RELEASE one');
      return true;
    } catch (error) {
      if (!db.isTransaction) throw error;
      db.exec('ROLLBACK TO one; RELEASE one');
      reject(told(error));
      return false;
    }
  }

  return {
    /**
     * Until what the connection shows is committed. Nothing in a transaction waits for anything outside of
     * the file, so that it is over with this turn of the event loop.
     */
    async settled(): Promise<void> {
      while (now.commit !== undefined) await now.commit;
    },
    share<T>(change: () => Promise<T>): Promise<T> {
      return new Promise((resolve, reject) => {
        const result: { value?: T } = {};
        const act = async () => void (result.value = await change());
        queue.push({ act, resolve: () => resolve(result.value as T), reject });
        now.underWay ??= drain();
      });
    },
  };
}
