/**
 * Where a fleet is kept: in a folder's SQLite file, or in a PostgreSQL database that is named by its URL. A
 * password is never told to anybody: what is shown of a place has none.
 */

import { join } from 'node:path';
import { Option } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { firstLineOf } from '../passphrase.ts';

export type FleetPlace =
  | { readonly kind: 'sqlite'; readonly file: string; readonly shown: string }
  | { readonly kind: 'postgres'; readonly url: string; readonly shown: string };

export interface DatabaseOptions {
  readonly data: string;
  readonly database?: string;
  readonly passwordFile?: string;
}

export const databaseOption = (): Option =>
  new Option('--database <url>', 'keep the fleet in PostgreSQL: postgres://USER@HOST/NAME').env(
    'LAPEL_DATABASE',
  );

export const passwordOption = (): Option =>
  new Option('--password-file <file>', "file with the database's password; or set PGPASSWORD");

/** A folder's own, where no database is named. */
export async function placeOf({ data, database, passwordFile }: DatabaseOptions): Promise<FleetPlace> {
  return database === undefined
    ? sqliteIn(data)
    : readDatabase(database, '--database', await passwordIn(passwordFile));
}

/** `sqlite:FOLDER`, or the URL of a database. @throws {CommandFailure} */
export function readPlace(text: string, option: string, password?: string): FleetPlace {
  const folder = /^sqlite:(?<folder>.+)$/.exec(text)?.groups?.['folder'];
  return folder === undefined ? readDatabase(text, option, password, 'sqlite:FOLDER or ') : sqliteIn(folder);
}

const sqliteIn = (folder: string): FleetPlace => ({
  kind: 'sqlite',
  file: join(folder, 'tracker.sqlite'),
  shown: `sqlite:${folder}`,
});

const protocols = new Set(['postgres:', 'postgresql:', 'socket:']);
const lengthMax = 1024;

/** What is wrong with a URL is not shown: it may hold a password. */
function readDatabase(text: string, option: string, password?: string, or = ''): FleetPlace {
  const url = text.length <= lengthMax && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !protocols.has(url.protocol)) {
    const expected = `${or}postgres://USER@HOST/NAME`;
    throw new CommandFailure(exitCodes.usage, `expected ${option} to be ${expected}, found another text`);
  }
  if (password !== undefined) url.searchParams.set('password', password);
  return { kind: 'postgres', url: url.href, shown: shownOf(url) };
}

function shownOf(url: URL): string {
  const shown = new URL(url);
  shown.password = '';
  shown.searchParams.delete('password');
  return shown.href;
}

export const passwordIn = async (file: string | undefined): Promise<string | undefined> =>
  file === undefined ? undefined : firstLineOf(file, 'a password');
