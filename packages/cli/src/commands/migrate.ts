/** `lapel migrate`: a whole fleet goes to another store while its devices go on. */

import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { MoveProgress, Moved, WholeStore } from '@lapel/status-tracker/whole';
import { MoveError, callOff, moveFleet } from '@lapel/status-tracker/whole';
import { systemClock, systemRandom } from '@lapel/transport';
import type { Command } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { openWhole } from '../fleet/open.ts';
import type { FleetPlace } from '../fleet/place.ts';
import { passwordIn, passwordOption, readPlace } from '../fleet/place.ts';
import type { Terminal } from '../terminal.ts';
import { progressLine } from '../terminal.ts';

interface Options {
  readonly from: string;
  readonly to?: string;
  readonly cancel?: boolean;
  readonly passwordFile?: string;
  readonly json?: boolean;
}

export function addTo(program: Command, terminal: Terminal): void {
  program
    .command('migrate')
    .description(
      'Moves a whole fleet, with all its tenants, from SQLite to PostgreSQL or back, while its servers ' +
        'go on. At the end they take in nothing for some seconds, and devices are told to come again.',
    )
    .requiredOption('--from <store>', 'where it is: sqlite:FOLDER or postgres://USER@HOST/NAME')
    .option('--to <store>', 'where it goes: a store that is empty')
    .option('--cancel', 'call a move off that is not over: the fleet stays where it is')
    .addOption(passwordOption())
    .option('--json', 'print what was moved as JSON')
    .addHelpText('after', examples)
    .action((options: Options) => migrate(options, terminal));
}

const examples = `
Examples:
  lapel migrate --from sqlite:data --to postgres://lapel@db.example/fleet --password-file db.password
  lapel migrate --from sqlite:data --cancel

When it has ended, end the old servers and start them with --database, and with the same --data: keys, tokens
and firmware stay in the folder. A move that was broken off goes on when the command is given again. What was
called off leaves a half-filled store behind that nobody serves: drop it. Use the version of lapel that
the servers have.`;

/** As a database calls it. */
const caller = 'lapel migrate';

async function migrate(options: Options, terminal: Terminal): Promise<void> {
  if ((options.to === undefined) === (options.cancel !== true)) {
    const found = options.to === undefined ? 'neither' : 'both';
    throw new CommandFailure(exitCodes.usage, `expected --to or --cancel, found ${found}`);
  }
  const password = await passwordIn(options.passwordFile);
  const source = readPlace(options.from, '--from', password);
  const target = options.to === undefined ? undefined : readPlace(options.to, '--to', password);
  if (source.kind === 'sqlite' && !existsSync(source.file))
    throw new CommandFailure(exitCodes.failed, `expected a fleet in ${source.shown}, found none`);
  const from = await openWhole(source, caller);
  try {
    if (target === undefined) await cancel({ store: from, name: source.shown }, options, terminal);
    else await move(from, source, target, options, terminal);
  } catch (error) {
    if (!(error instanceof MoveError)) throw error;
    throw new CommandFailure(exitCodes.conflict, error.message, { cause: error });
  } finally {
    await from.close();
  }
}

async function move(
  from: WholeStore,
  source: FleetPlace,
  target: FleetPlace,
  { json }: Options,
  terminal: Terminal,
): Promise<void> {
  const to = await openWhole(target, caller);
  try {
    const moved = await moveFleet({
      from: { store: from, name: source.shown },
      to: { store: to, name: target.shown },
      clock: systemClock,
      random: systemRandom,
      onProgress: (progress) => terminal.move(wordsOf(progress)),
    });
    terminal.move('');
    tell(moved, target, json === true, terminal);
  } finally {
    await to.close();
  }
}

function tell({ rows, closedMs }: Moved, target: FleetPlace, asJson: boolean, terminal: Terminal): void {
  if (asJson) {
    const closed = closedMs === undefined ? {} : { closedMs };
    terminal.result(JSON.stringify({ to: target.shown, rows, ...closed }));
    return;
  }
  terminal.facts([
    ['fleet', target.shown],
    ...Object.entries(rows).map(([table, count]) => [table.replace('_', ' '), `${count}`] as const),
  ]);
  const option = target.kind === 'postgres' ? `--database ${target.shown}` : `--data ${dirname(target.file)}`;
  terminal.note(`\nNext: end the old servers, and start them as lapel serve ${option}`);
}

function wordsOf(progress: MoveProgress): string {
  if (progress.step === 'copying') return progressLine(progress.copied / progress.of, 'copied');
  if (progress.step === 'following') return `${progress.copied} changes copied`;
  if (progress.step === 'closed') return 'the old store is closed';
  return progress.for === 'trackers' ? 'servers are given time to notice' : 'another lapel migrate is at it';
}

async function cancel(
  source: Parameters<typeof callOff>[0],
  { json }: Options,
  terminal: Terminal,
): Promise<void> {
  const { other } = await callOff(source);
  if (json === true) terminal.result(JSON.stringify({ fleet: source.name, calledOff: other }));
  else {
    terminal.facts([['fleet', source.name]]);
    terminal.note(`its move is called off; drop what is in ${other}`);
  }
}
