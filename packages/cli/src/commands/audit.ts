/** `lapel audit`: what operators did, and whether anything of it was changed or taken out since. */

import { existsSync } from 'node:fs';
import { compareBytes, hex, unhex } from '@lapel/cbor';
import type { AuditLink } from '@lapel/status-tracker';
import { chainStart, linked } from '@lapel/status-tracker';
import { request } from '@lapel/transport';
import type { Command } from 'commander';
import type { Fields } from '../answers.ts';
import { fieldsOf, listOf, numberIn, textIn } from '../answers.ts';
import { askJson } from '../ask.ts';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { readTextFile, replaceFile } from '../files.ts';
import type { ServerAccess, ServerOptions } from '../server-access.ts';
import { accessServer, withServer } from '../server-access.ts';
import type { Terminal } from '../terminal.ts';

interface ListOptions extends ServerOptions {
  readonly json?: boolean;
}

interface VerifyOptions extends ListOptions {
  readonly head?: string;
}

export function addTo(program: Command, terminal: Terminal): void {
  const audit = program
    .command('audit')
    .description('Shows what operators did and were refused, and proves that nothing was changed in it.')
    .addHelpText('after', examples);
  withServer(
    audit.command('list', { isDefault: true }).description('Lists what operators did, oldest first.'),
  )
    .option('--json', 'print the entries as JSON, one on each line, with their hashes')
    .action((options: ListOptions) => list(options, terminal));
  withServer(
    audit.command('verify').description('Proves that the audit is whole and goes on from what you kept.'),
  )
    .option('--head <file>', 'what you kept the last time; it is replaced by what is proved now')
    .option('--json', 'print what is proved as JSON')
    .action((options: VerifyOptions) => verify(options, terminal));
}

const examples = `
Examples:
  lapel audit --token-file operator.token
  lapel audit --json --token-file operator.token > audit.jsonl
  lapel audit verify --head audit.head --token-file operator.token

Each entry's hash covers the one before it. Keep the head where the server can't reach it: without one, an
audit that was written anew, or cut off at its end, looks whole.`;

const pageLimit = 1000;
const pagesMax = 1000;

async function list(options: ListOptions, terminal: Terminal): Promise<void> {
  const rows: string[][] = [];
  for await (const entry of entriesOf(await accessServer(options))) {
    if (options.json === true) terminal.result(JSON.stringify(entry));
    else rows.push(rowOf(entry));
  }
  if (options.json === true) return;
  if (rows.length === 0) terminal.note('nobody has done anything yet');
  else terminal.table(['NUMBER', 'WHEN', 'WHO', 'ROLES', 'WHAT', 'ON', 'DETAIL'], rows);
}

const rowOf = (entry: Fields): string[] => [
  `${numberIn(entry, 'number')}`,
  new Date(numberIn(entry, 'atMs')).toISOString(),
  ...['actor', 'roles', 'act', 'subject'].map((name) => textIn(entry, name)),
  detailIn(entry) ?? '',
];

/** What is kept of an audit: how many entries it had, and the hash of the last. */
interface Head {
  readonly size: number;
  readonly hash: string;
}

async function verify(options: VerifyOptions, terminal: Terminal): Promise<void> {
  const kept = await keptHead(options.head);
  let last: AuditLink | undefined;
  let size = 0;
  if (kept !== undefined) requireKept(kept, size, chainStart);
  for await (const entry of entriesOf(await accessServer(options))) {
    last = nextOf(last, size, entry);
    size += 1;
    if (kept !== undefined) requireKept(kept, size, last.hash);
  }
  if (kept !== undefined && kept.size > size)
    throw refused(`expected at least the ${kept.size} entries that were there before, found ${size}`);
  const head = { size, hash: hex(last?.hash ?? chainStart) };
  if (options.head !== undefined)
    await replaceFile(options.head, new TextEncoder().encode(`${JSON.stringify(head)}\n`));
  if (options.json === true) {
    terminal.result(JSON.stringify({ ...head, ...(kept === undefined ? {} : { continues: kept.size }) }));
    return;
  }
  terminal.facts([
    ['entries', `${size}, each behind the one before it`],
    ['hash', head.hash],
    ...(kept === undefined ? [] : [['continues', `the ${kept.size} that you kept`] as const]),
  ]);
}

function requireKept(kept: Head, size: number, hash: Uint8Array): void {
  if (kept.size !== size || kept.hash === hex(hash)) return;
  throw refused(`expected the audit to begin with the ${kept.size} entries that you kept, found others`);
}

/** @throws {CommandFailure} where it is not what comes behind `before`. */
function nextOf(before: AuditLink | undefined, number: number, entry: Fields): AuditLink {
  if (numberIn(entry, 'number') !== number)
    throw refused(`expected entry ${number} of the audit, found ${numberIn(entry, 'number')}`);
  const detail = detailIn(entry);
  const link = linked(before, {
    number,
    atMs: numberIn(entry, 'atMs'),
    actor: textIn(entry, 'actor'),
    roles: textIn(entry, 'roles'),
    act: textIn(entry, 'act'),
    subject: textIn(entry, 'subject'),
    ...(detail === undefined ? {} : { detail }),
  });
  const told = unhex(textIn(entry, 'hash')) ?? new Uint8Array();
  if (compareBytes(link.hash, told) === 0) return link;
  throw refused(`expected entry ${number} of the audit to have hash ${hex(link.hash)}, found ${hex(told)}`);
}

const detailIn = (entry: Fields): string | undefined =>
  entry['detail'] === undefined ? undefined : textIn(entry, 'detail');

async function keptHead(file: string | undefined): Promise<Head | undefined> {
  if (file === undefined || !existsSync(file)) return undefined;
  const { size, hash } =
    /^\{"size":(?<size>\d{1,15}),"hash":"(?<hash>[0-9a-f]{64})"\}\s*$/.exec(await readTextFile(file))
      ?.groups ?? {};
  if (size === undefined || hash === undefined)
    throw new CommandFailure(
      exitCodes.failed,
      `expected the head of an audit in ${file}, found another text`,
    );
  return { size: Number(size), hash };
}

async function* entriesOf(access: ServerAccess): AsyncGenerator<Fields> {
  let from = 0;
  for (let page = 0; page < pagesMax; page++) {
    const query = new Map([
      ['from', `${from}`],
      ['limit', `${pageLimit}`],
    ]);
    const answer = fieldsOf(await askJson(access, request('GET', '/audit/chain', { query })));
    const found = listOf(answer['entries']).map(fieldsOf);
    yield* found;
    from += found.length;
    if (found.length < pageLimit) return;
  }
  throw new CommandFailure(exitCodes.failed, `expected at most ${from} entries, found more`);
}

const refused = (message: string) => new CommandFailure(exitCodes.refused, message);
