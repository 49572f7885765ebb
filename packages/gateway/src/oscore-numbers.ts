/**
 * Numbers of the messages that a gateway protects (RFC 8613 §7.2), under all its secrets from one row: no
 * number comes twice under any of them, and at a start, however many devices ask, one write is enough. The
 * file is SQLite's, and locked for as long as it is open: a second gateway on the folder would answer under
 * the nonces of the first.
 */
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { makeFolder } from '@lapel/firmware-server';
import type { Clock } from '@lapel/transport';
import { leastNumber } from '@lapel/transport/oscore';

export interface OscoreNumbers {
  /** The first of so many in a row that nobody has been given before. */
  take(count: number): Promise<number>;
  close(): void;
}

/** The folder is another gateway's at this moment. */
export class FolderInUse extends Error {
  constructor(folder: string) {
    super(`expected a folder that no other gateway is on, found one on ${folder}`);
    this.name = 'FolderInUse';
  }
}

/** One write for so many; as many are lost at a start, and 2^40 last for 2^28 of those. */
const slab = 4096;
const sqliteBusy = 5;

/** @throws {FolderInUse} */
export async function openOscoreNumbers(folder: string, clock: Clock): Promise<OscoreNumbers> {
  await makeFolder(folder);
  const database = locked(folder);
  const raise = database.prepare('UPDATE numbers SET below = max(below, ?) + ? RETURNING below');
  let next = 0;
  let end = 0;
  return {
    async take(count) {
      if (end - next < count) {
        const taken = Math.max(slab, count);
        // Committed and synced before the first of them is used; so a power cut brings none again.
        end = Number(raise.get(leastNumber(clock), taken)?.['below']);
        next = end - taken;
      }
      const first = next;
      next += count;
      return first;
    },
    close: () => database.close(),
  };
}

function locked(folder: string): DatabaseSync {
  // Loaded here, where it is needed: most gateways share no secret.
  const sqlite = process.getBuiltinModule('node:sqlite');
  const database = new sqlite.DatabaseSync(join(folder, 'oscore.sqlite'));
  try {
    database.exec(`
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA synchronous = EXTRA;
      BEGIN EXCLUSIVE;
      CREATE TABLE IF NOT EXISTS numbers (id INTEGER PRIMARY KEY CHECK (id = 1), below INTEGER NOT NULL);
      INSERT INTO numbers (id, below) VALUES (1, 0) ON CONFLICT DO NOTHING;
      COMMIT;
    `);
    return database;
  } catch (error) {
    database.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy)
      throw new FolderInUse(folder);
    throw error;
  }
}
