/** `lapel restore`: a fleet and all that its server needs, out of a backup. */

import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hex } from '@lapel/cbor';
import { MoveError, beginFilling } from '@lapel/status-tracker/whole';
import { systemClock } from '@lapel/transport';
import type { Command } from 'commander';
import { openArchive, refused } from '../backup/archive.ts';
import type { Archive } from '../backup/archive.ts';
import type { BroughtBack } from '../backup/bring-back.ts';
import { bringBack, createdMsOf } from '../backup/bring-back.ts';
import { restoringAt, takeAwayBroken } from '../backup/restoring.ts';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { removedOnSignal, syncFolder } from '../files.ts';
import { openWhole } from '../fleet/open.ts';
import type { DatabaseOptions, FleetPlace } from '../fleet/place.ts';
import { databaseOption, passwordOption, placeOf } from '../fleet/place.ts';
import type { Terminal } from '../terminal.ts';
import { progressLine } from '../terminal.ts';

interface Options extends DatabaseOptions {
  readonly digest?: string;
  readonly json?: boolean;
}

export function addTo(program: Command, terminal: Terminal): void {
  program
    .command('restore <backup>')
    .description(
      'Brings a fleet back from a backup, into a new folder and, with --database, an empty database; it ' +
        'may have been kept in the other kind of store before.',
    )
    .option('--data <folder>', 'where the servers will keep it; it must not exist, or be empty', 'data')
    .addOption(databaseOption())
    .addOption(passwordOption())
    .option('--digest <hex>', 'take only the backup whose digest was this')
    .option('--json', 'print what was restored as JSON')
    .addHelpText('after', examples)
    .action((backup: string, options: Options) => restore(backup, options, terminal));
}

const examples = `
Examples:
  lapel restore fleet.backup
  lapel restore fleet.backup --data /var/lib/lapel --database postgres://lapel@db.example/fleet

A backup that is cut off or changed is refused before anything is made of it. A restored fleet is an old one:
every campaign that was running is paused, and goes on when an operator says lapel campaign resume. What
else to look at is in docs/operating.md. Never serve the fleet that it is a copy of beside it.`;

interface Restored extends BroughtBack {
  readonly createdMs: number;
  readonly paused: number;
}

async function restore(backup: string, options: Options, terminal: Terminal): Promise<void> {
  const { data } = options;
  requireNew(data);
  for (const broken of await takeAwayBroken(data))
    terminal.note(`took away ${broken}, which a restore had left that was broken off`);
  const archive = await openArchive(backup);
  // Beside its place, so that it is there as a whole or not at all.
  const folder = restoringAt(data);
  const forget = removedOnSignal(folder);
  try {
    requireWanted(archive, backup, options.digest);
    const place = await placeOf({ ...options, data: folder });
    const restored = await restoreInto(place, folder, { archive, backup, data }, terminal);
    terminal.move('');
    tell(restored, options.database === undefined ? `sqlite:${data}` : place.shown, options, terminal);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    if (!(error instanceof MoveError)) throw error;
    throw new CommandFailure(exitCodes.conflict, error.message, { cause: error });
  } finally {
    forget();
    await archive.close();
  }
}

interface Source {
  readonly archive: Archive;
  readonly backup: string;
  readonly data: string;
}

async function restoreInto(
  place: FleetPlace,
  folder: string,
  { archive, backup, data }: Source,
  terminal: Terminal,
): Promise<Restored> {
  const createdMs = await createdMsOf(archive, backup);
  await mkdir(folder, { mode: 0o700 });
  const store = await openWhole(place, 'lapel restore');
  let isClosed = false;
  try {
    const from = { digest: hex(archive.digest), createdMs, nowMs: systemClock.wallMs() };
    const filling = await beginFilling({ store, name: place.shown }, from);
    const onProgress = (share: number) => terminal.move(progressLine(share, 'restored'));
    const brought = await bringBack({ archive, name: backup, folder, onProgress }, filling);
    if (place.kind === 'postgres') {
      // The database is opened last: whoever is cut off here has a folder, and nothing that can be served.
      await putInPlace(folder, data);
      return { ...brought, createdMs, ...(await filling.open(brought.rows)) };
    }
    const opened = await filling.open(brought.rows);
    await store.close();
    isClosed = true;
    await putInPlace(folder, data);
    return { ...brought, createdMs, ...opened };
  } finally {
    if (!isClosed) await store.close();
  }
}

async function putInPlace(folder: string, data: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (entry.isDirectory()) await syncFolder(join(entry.parentPath, entry.name));
  await syncFolder(folder);
  await rename(folder, data);
  await syncFolder(dirname(data));
}

/** @throws {CommandFailure} where something is there already, whether it is served or not. */
function requireNew(data: string): void {
  if (existsSync(data)) {
    const isEmpty = statSync(data).isDirectory() && readdirSync(data).length === 0;
    if (isEmpty) return;
    throw new CommandFailure(exitCodes.conflict, `expected nothing in ${data} yet, found it in use`);
  }
  const above = dirname(data);
  if (existsSync(above) && statSync(above).isDirectory()) return;
  throw new CommandFailure(exitCodes.failed, `expected the folder ${above} to exist, found none`);
}

function requireWanted({ digest }: Archive, backup: string, wanted: string | undefined): void {
  if (wanted === undefined) return;
  if (!/^[0-9a-f]{64}$/.test(wanted))
    throw new CommandFailure(
      exitCodes.usage,
      'expected --digest to be 64 hexadecimal digits, found another text',
    );
  if (wanted !== hex(digest))
    throw refused(`expected the backup of digest ${wanted}, found ${backup} to be ${hex(digest)}`);
}

function tell(
  { rows, files, createdMs, paused }: Restored,
  fleet: string,
  { data, database, json }: Options,
  terminal: Terminal,
): void {
  const asOf = new Date(createdMs).toISOString();
  if (json === true) {
    terminal.result(JSON.stringify({ fleet, asOf, rows, files, paused }));
    return;
  }
  terminal.facts([
    ['fleet', fleet],
    ['as of', asOf],
    ['devices', `${rows['device'] ?? 0}`],
    ['campaigns', `${rows['campaign'] ?? 0}, ${paused} of them paused now`],
    ['files', `${files}`],
  ]);
  const at = database === undefined ? '' : ` --database ${fleet}`;
  terminal.note(
    `\nWhat was revoked, frozen or stopped after that is not so any more: see docs/operating.md.` +
      `\nNext: lapel serve --data ${data}${at}`,
  );
}
