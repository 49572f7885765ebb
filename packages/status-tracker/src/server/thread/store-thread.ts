/** The thread that a fleet's file is read and written in: each call of the store as it is asked for. */
import nodeModule from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import type { Asked, Opened, StoreThread, Told } from './across.ts';

const { compiled, ...options } = workerData as StoreThread;
// Threads don't take it over. What is imported below comes out of it.
if (compiled !== undefined) nodeModule.enableCompileCache(compiled);
const { failureOf } = await import('./across.ts');
const { createSqliteStore } = await import('../store-sqlite.ts');

/** To whoever has started this thread. */
const post = (said: Opened | Told) => parentPort?.postMessage(said);

try {
  const store = createSqliteStore(options);
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
