/**
 * A FleetStore in one SQLite file that has a thread of its own: while a disk makes durable what was written,
 * devices are answered.
 */
import { noNews } from '../news.ts';
import type { FleetStore } from '../store.ts';
import type { SqliteStoreOptions } from '../store-sqlite.ts';
import { startThread } from './ask-thread.ts';

/** @throws {SchemaError} */
export async function openSqliteInThread(options: SqliteStoreOptions): Promise<FleetStore> {
  const thread = await startThread('store-thread', options);
  const methods = thread.methods.map(
    (method) => [method, (...given: readonly unknown[]) => thread.ask(method, given)] as const,
  );
  // Its own thread is the only one that uses the file: there is no news from elsewhere.
  return { ...(Object.fromEntries(methods) as unknown as FleetStore), ...noNews };
}
