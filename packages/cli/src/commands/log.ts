/** `lapel log`: what a tracker has been told to roll out, and whether it still says so. */

import { existsSync } from 'node:fs';
import { compareBytes, hex, unhex } from '@lapel/cbor';
import type { VerificationKey } from '@lapel/cose';
import { CoseError } from '@lapel/cose';
import type { TreeHead } from '@lapel/status-tracker';
import { encodeLogEntry, isConsistent, leafHash, openTreeHead, rootOver } from '@lapel/status-tracker';
import { messageBytesMax } from '@lapel/status-tracker/protocol';
import { collect, readProblem, request } from '@lapel/transport';
import type { Command } from 'commander';
import type { Fields } from '../answers.ts';
import { fieldsOf, listOf, numberIn, textIn } from '../answers.ts';
import { askJson } from '../ask.ts';
import { readOutline } from '../envelope-file.ts';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { readBounded, replaceFile } from '../files.ts';
import { readVerificationKey } from '../key-files.ts';
import type { ServerAccess, ServerOptions } from '../server-access.ts';
import { accessServer, withServer } from '../server-access.ts';
import type { Terminal } from '../terminal.ts';

interface ListOptions extends ServerOptions {
  readonly json?: boolean;
}

interface VerifyOptions extends ListOptions {
  readonly trackerKey: string;
  readonly head?: string;
  readonly includes: readonly string[];
}

export function addTo(program: Command, terminal: Terminal): void {
  const log = program
    .command('log')
    .description('Shows and proves the log of every release, campaign and order that a tracker took.')
    .addHelpText('after', examples);
  withServer(log.command('list', { isDefault: true }).description('Lists what is in the log.'))
    .option('--json', 'print the entries as JSON')
    .action((options: ListOptions) => list(options, terminal));
  withServer(
    log.command('verify').description('Proves that the log is whole and goes on from what you kept.'),
  )
    .requiredOption('--tracker-key <file>', "the tracker's public key (PEM)")
    .option('--head <file>', 'what you kept the last time; it is replaced by what is proved now')
    .option('--includes <file>', 'an envelope whose release must be in the log; may be repeated', also, [])
    .option('--json', 'print what is proved as JSON')
    .action((options: VerifyOptions) => verify(options, terminal));
}

const also = (file: string, before: readonly string[]): readonly string[] => [...before, file];

const examples = `
Examples:
  lapel log --token-file viewer.token
  lapel log verify --tracker-key tracker.pub.pem --head lapel.head --token-file viewer.token
  lapel log verify --tracker-key tracker.pub.pem --includes lamp.suit --token-file viewer.token

Keep the head where the tracker can't reach it. What it proves is that nothing was taken out or changed
since; that everybody is shown the same log, only heads of several people can show.`;

const pageLimit = 1000;
const pagesMax = 1000;

async function list(options: ListOptions, terminal: Terminal): Promise<void> {
  const entries = await allEntries(await accessServer(options));
  if (options.json === true) terminal.result(JSON.stringify(entries));
  else if (entries.length === 0) terminal.note('nothing was rolled out yet');
  else {
    terminal.table(
      ['NUMBER', 'KIND', 'SINCE', 'DIGEST'],
      entries.map((each) => [
        `${numberIn(each, 'number')}`,
        textIn(each, 'kind'),
        new Date(numberIn(each, 'atMs')).toISOString(),
        textIn(each, 'digest'),
      ]),
    );
  }
}

async function verify(options: VerifyOptions, terminal: Terminal): Promise<void> {
  const key = await readVerificationKey(options.trackerKey);
  const wanted = await Promise.all(options.includes.map(releaseIn));
  const kept = await keptHead(options, key);
  const access = await accessServer(options);
  const signed = await signedHead(access);
  const head = opened(signed, key, options);
  if (kept !== undefined) await requireContinued(access, kept, head);

  const entries = (await allEntries(access)).slice(0, head.size).map(entryOf);
  const root = await rootOver(entries.map(leafHash));
  if (entries.length < head.size || compareBytes(root, head.root) !== 0) {
    throw refused(`expected the ${head.size} entries that the tracker has signed, found others`);
  }
  const known = new Set(entries.map(hex));
  const missing = wanted.find(({ entry }) => !known.has(hex(entry)));
  if (missing !== undefined)
    throw refused(`expected the release of ${missing.file} in the log, found it nowhere`);
  if (options.head !== undefined) await replaceFile(options.head, signed);
  tell(options, head, kept, terminal);
}

function tell(options: VerifyOptions, head: TreeHead, kept: TreeHead | undefined, terminal: Terminal): void {
  const { size, root, wallMs } = head;
  const since = kept === undefined ? {} : { continues: kept.size };
  if (options.json === true) {
    terminal.result(JSON.stringify({ size, root: hex(root), wallMs, ...since, includes: options.includes }));
    return;
  }
  terminal.facts([
    ['entries', `${size}, all of them as the tracker signed them`],
    ['root', hex(root)],
    ['signed', new Date(wallMs).toISOString()],
    ...(kept === undefined ? [] : [['continues', `the ${kept.size} that you kept`] as const]),
    ...options.includes.map((file) => ['includes', `the release of ${file}`] as const),
  ]);
}

async function releaseIn(file: string): Promise<{ readonly file: string; readonly entry: Uint8Array }> {
  const { outline } = await readOutline(file);
  return { file, entry: encodeLogEntry('release', outline.digest.bytes) };
}

async function keptHead(options: VerifyOptions, key: VerificationKey): Promise<TreeHead | undefined> {
  const { head: file } = options;
  if (file === undefined || !existsSync(file)) return undefined;
  return opened(await readBounded(file, messageBytesMax), key, options, file);
}

function opened(
  signed: Uint8Array,
  key: VerificationKey,
  { trackerKey, server }: VerifyOptions,
  from: string = server,
): TreeHead {
  try {
    return openTreeHead(signed, [key]);
  } catch (error) {
    if (!(error instanceof CoseError)) throw error;
    throw refused(
      `expected a head from ${from} that ${trackerKey} has signed, found another: ${error.message}`,
    );
  }
}

async function signedHead({ handler, token }: ServerAccess): Promise<Uint8Array> {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await handler(request('GET', '/log/head', { headers }));
  if (answer.status !== 'ok') throw await readProblem(answer);
  return collect(answer.body, messageBytesMax);
}

async function requireContinued(access: ServerAccess, kept: TreeHead, head: TreeHead): Promise<void> {
  if (kept.size > head.size) {
    throw refused(`expected at least the ${kept.size} entries that were there before, found ${head.size}`);
  }
  const query = new Map([
    ['from', `${kept.size}`],
    ['size', `${head.size}`],
  ]);
  const { proof } = fieldsOf(await askJson(access, request('GET', '/log/consistency', { query })));
  if (isConsistent(kept, head, listOf(proof).map(bytesOf))) return;
  throw refused(`expected the log to begin with the ${kept.size} entries that you kept, found another one`);
}

async function allEntries(access: ServerAccess): Promise<readonly Fields[]> {
  const entries: Fields[] = [];
  for (let page = 0; page < pagesMax; page++) {
    const query = new Map([
      ['from', `${entries.length}`],
      ['limit', `${pageLimit}`],
    ]);
    const answer = fieldsOf(await askJson(access, request('GET', '/log/entries', { query })));
    const found = listOf(answer['entries']).map(fieldsOf);
    entries.push(...found);
    if (found.length < pageLimit) break;
  }
  return entries;
}

const entryOf = (each: Fields): Uint8Array => bytesOf(each['entry']);
const bytesOf = (text: unknown): Uint8Array =>
  (typeof text === 'string' ? unhex(text) : undefined) ?? new Uint8Array();
const refused = (message: string) => new CommandFailure(exitCodes.refused, message);
