/**
 * A FleetStore in one SQLite file that has a thread of its own: while a disk makes durable what was written,
 * devices are answered.
 */
import { once } from 'node:events';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { noNews } from '../news.ts';
import type { FleetStore } from '../store.ts';
import type { SqliteStoreOptions } from '../store-sqlite.ts';
import type { Opened, Told } from './across.ts';
import { compact, errorOf } from './across.ts';

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** @throws {SchemaError} */
export async function openSqliteInThread(options: SqliteStoreOptions): Promise<FleetStore> {
  const script = new URL(`./store-thread${extname(import.meta.url)}`, import.meta.url);
  const worker = new Worker(script, { workerData: options });
  const [opened] = (await once(worker, 'message')) as [Opened];
  if ('failure' in opened) throw errorOf(opened.failure);
  const waiting = new Map<number, Waiting>();
  let asked = 0;
  worker.on('message', ({ id, value, failure }: Told) => {
    const { resolve, reject } = waiting.get(id) ?? {};
    waiting.delete(id);
    if (failure === undefined) resolve?.(value);
    else reject?.(errorOf(failure));
  });
  // Without its store a server is none: it ends, and whoever runs it starts it again.
  worker.on('error', (error) => {
    throw error;
  });

  const ask = (method: string, given: readonly unknown[]) =>
    new Promise<unknown>((resolve, reject) => {
      asked += 1;
      waiting.set(asked, { resolve, reject });
      worker.postMessage({ id: asked, method, given: compact(given) });
    });
  const methods = opened.methods.map(
    (method) => [method, (...given: readonly unknown[]) => ask(method, given)] as const,
  );
  // Its own thread is the only one that uses the file: there is no news from elsewhere.
  return { ...(Object.fromEntries(methods) as unknown as FleetStore), ...noNews };
}
