/** The thread that a fleet's file is read and written in: each call of the store as it is asked for. */
import { parentPort, workerData } from 'node:worker_threads';
import { createSqliteStore } from '../store-sqlite.ts';
import type { SqliteStoreOptions } from '../store-sqlite.ts';
import type { Asked, Opened, Told } from './across.ts';
import { failureOf } from './across.ts';

/** To whoever has started this thread. */
const post = (said: Opened | Told) => parentPort?.postMessage(said);

try {
  const store = createSqliteStore(workerData as SqliteStoreOptions);
  parentPort?.on('message', (asked: Asked) => void answer(store, asked));
  post({ methods: Object.keys(store) });
} catch (error) {
  post({ failure: failureOf(error) });
}

async function answer(store: object, { id, method, given }: Asked): Promise<void> {
  try {
    const act = (store as Record<string, (...values: readonly unknown[]) => Promise<unknown>>)[method];
    post({ id, value: await act?.(...given) });
  } catch (error) {
    post({ id, failure: failureOf(error) });
  }
  if (method === 'close') parentPort?.close();
}
