/** The thread that a fleet's file is read and written in. */
import { workerData } from 'node:worker_threads';
import { createSqliteStore } from '../store-sqlite.ts';
import type { SqliteStoreOptions } from '../store-sqlite.ts';
import { answerAsked } from './answer-asked.ts';

answerAsked(() => createSqliteStore(workerData as SqliteStoreOptions));
