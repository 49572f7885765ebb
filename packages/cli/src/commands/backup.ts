/** `lapel backup`: all that a server needs to go on, in one file, while it is being served. */

import { existsSync } from 'node:fs';
import { hex } from '@lapel/cbor';
import { whereaboutsOf } from '@lapel/status-tracker/whole';
import { systemClock } from '@lapel/transport';
import type { Command } from 'commander';
import { beginArchive } from '../backup/archive.ts';
import type { Kept } from '../backup/keep.ts';
import { keep } from '../backup/keep.ts';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { replaceInPieces } from '../files.ts';
import { openWhole, requireWhole } from '../fleet/open.ts';
import type { DatabaseOptions } from '../fleet/place.ts';
import { databaseOption, passwordOption, placeOf } from '../fleet/place.ts';
import type { Terminal } from '../terminal.ts';
import { progressLine } from '../terminal.ts';

interface Options extends DatabaseOptions {
  readonly out: string;
  readonly json?: boolean;
}

export function addTo(program: Command, terminal: Terminal): void {
  program
    .command('backup')
    .description(
      'Writes a whole fleet, with all its tenants, into one file: devices, campaigns, evidence, audit, the ' +
        "server's keys and tokens, and all firmware. Its servers go on meanwhile.",
    )
    .requiredOption('-o, --out <file>', 'the backup, for you alone to read; an older one is replaced')
    .option('--data <folder>', 'what the servers keep', 'data')
    .addOption(databaseOption())
    .addOption(passwordOption())
    .option('--json', 'print what is in it as JSON')
    .addHelpText('after', examples)
    .action((options: Options) => backup(options, terminal));
}

const examples = `
Examples:
  lapel backup -o fleet.backup
  lapel backup --data /var/lib/lapel --database postgres://lapel@db.example/fleet -o fleet.backup

It holds the tracker's private key: keep it as safe as the folder. The digest that is printed tells later, by
lapel restore --digest, that it is this one. Use the version of lapel that the servers have.`;

async function backup(options: Options, terminal: Terminal): Promise<void> {
  const { data, out, json } = options;
  const place = await placeOf(options);
  if (!existsSync(data) || (place.kind === 'sqlite' && !existsSync(place.file)))
    throw new CommandFailure(exitCodes.failed, `expected a fleet in ${data}, found none`);
  const store = await openWhole(place, 'lapel backup');
  try {
    requireWhole(await whereaboutsOf(store), place);
    let kept: Kept | undefined;
    let digest: Uint8Array = new Uint8Array();
    const write = async (put: (bytes: Uint8Array) => Promise<void>) => {
      const archive = await beginArchive(put);
      kept = await keep({ store, folder: data, nowMs: systemClock.wallMs(), onProgress: told }, archive);
      digest = await archive.end();
    };
    const told = (now: { readonly share: number } | { readonly files: number }) =>
      terminal.move('share' in now ? progressLine(now.share, 'of the fleet') : `${now.files} files`);
    await replaceInPieces(out, write, 0o600);
    terminal.move('');
    if (kept !== undefined) tell(out, kept, hex(digest), json === true, terminal);
  } finally {
    await store.close();
  }
}

function tell(out: string, { rows, files }: Kept, digest: string, asJson: boolean, terminal: Terminal): void {
  if (asJson) {
    terminal.result(JSON.stringify({ backup: out, digest, rows: Object.fromEntries(rows), files }));
    return;
  }
  const all = [...rows.values()].reduce((sum, each) => sum + each, 0);
  terminal.facts([
    ['backup', out],
    ['devices', `${rows.get('device') ?? 0}`],
    ['campaigns', `${rows.get('campaign') ?? 0}`],
    ['rows', `${all}`],
    ['files', `${files}`],
    ['digest', digest],
  ]);
  terminal.note('it holds private keys: keep it as safe as they are');
}
