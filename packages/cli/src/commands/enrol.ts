/** `lapel enrol`: the ways by which devices come into the fleet without an operator looking at each. */

import { X509Certificate } from 'node:crypto';
import { uuidText } from '@lapel/suit';
import { request } from '@lapel/transport';
import type { Request } from '@lapel/transport';
import type { Command } from 'commander';
import { Option } from 'commander';
import type { Fields } from '../answers.ts';
import { cellIn, fieldsOf, listOf, numberIn, textIn } from '../answers.ts';
import { askJson, jsonRequest } from '../ask.ts';
import { deviceKind } from '../device-kind.ts';
import { repeated } from '../device/options.ts';
import { readOneCertificate } from '../enrolment-files.ts';
import { requireRoom, writeNewFile } from '../files.ts';
import { count, milliseconds } from '../quantities.ts';
import type { ServerOptions } from '../server-access.ts';
import { accessServer, withServer } from '../server-access.ts';
import type { Terminal } from '../terminal.ts';

interface Options extends ServerOptions {
  readonly json?: boolean;
}

interface AddOptions extends Options {
  readonly certificate: string;
  readonly vendor: string;
  readonly class: readonly string[];
}

interface MakeOptions extends Options {
  readonly vendor: string;
  readonly class: string;
  readonly uses: number;
  readonly for: number;
  readonly output: string;
}

export function addTo(program: Command, terminal: Terminal): void {
  const enrol = program
    .command('enrol')
    .description('Says which devices are let in by themselves: by whose certificates, and by which tokens.')
    .addHelpText('after', examples);
  addManufacturer(enrol.command('manufacturer').description('Whose certificates let devices in.'), terminal);
  addToken(enrol.command('token').description('Tokens that let so many devices in.'), terminal);
}

const examples = `
Examples:
  lapel enrol manufacturer add acme --certificate acme.pem --vendor acme.example --class lamp
  lapel enrol manufacturer revoke acme 0a01 0a02
  lapel enrol token make line-3 --vendor acme.example --class lamp --uses 500 --for 7d -o line-3.token
  lapel device run lamp.flash --enrolment-token line-3.token

A device's certificate names it (CN or serialNumber), and is for its own key. A manufacturer with several
classes names the class, too, as the UUID in OU. Whoever has a token can use it: it is told once, is worth
so many devices of one class, and ends by itself.`;

function addManufacturer(manufacturer: Command, terminal: Terminal): void {
  withServer(manufacturer.command('add').description('Lets devices in that this manufacturer vouches for.'))
    .argument('<name>', 'what to call it')
    .requiredOption('--certificate <file>', 'the certificate of its CA (PEM)')
    .requiredOption('--vendor <name>', 'the vendor of its devices: a domain, or a UUID')
    .addOption(
      repeated('--class <name>', 'a class that it may let in, or a UUID; repeated').makeOptionMandatory(),
    )
    .option('--json', 'print the manufacturer as JSON')
    .action((name: string, options: AddOptions) => addOne(name, options, terminal));
  withServer(manufacturer.command('list').description('Lists the manufacturers.'))
    .option('--json', 'print the list as JSON')
    .action((options: Options) => listManufacturers(options, terminal));
  withServer(manufacturer.command('revoke').description('Revokes certificates; their devices are frozen.'))
    .argument('<name>', 'the manufacturer')
    .argument('<serial...>', 'serial numbers in hexadecimal')
    .option('--json', 'print the result as JSON')
    .action((name: string, serials: readonly string[], options: Options) =>
      revokeCertificates(name, serials, options, terminal),
    );
  withServer(manufacturer.command('remove').description('Lets no more devices in by it; those in stay.'))
    .argument('<name>', 'the manufacturer')
    .option('--json', 'print the result as JSON')
    .action((name: string, options: Options) => end('/manufacturers', 'removed', name, options, terminal));
}

function addToken(token: Command, terminal: Terminal): void {
  withServer(token.command('make').description('Makes a token, and writes it into a file.'))
    .argument('<name>', 'what to call it')
    .requiredOption('--vendor <name>', 'the vendor of the devices: a domain, or a UUID')
    .requiredOption('--class <name>', 'their class within the vendor, or a UUID')
    .addOption(new Option('--uses <number>', 'how many devices it lets in').argParser(count).default(1))
    .addOption(
      new Option('--for <time>', 'how long, such as 90s, 2h, 30d')
        .argParser(milliseconds)
        .default(milliseconds('7d'), '7d'),
    )
    .requiredOption('-o, --output <file>', 'where to write it; must not exist yet')
    .option('--json', 'print the result as JSON')
    .action((name: string, options: MakeOptions) => makeToken(name, options, terminal));
  withServer(token.command('list').description('Lists the tokens, without what is secret of them.'))
    .option('--json', 'print the list as JSON')
    .action((options: Options) => listTokens(options, terminal));
  withServer(token.command('revoke').description('Ends a token; devices that it has let in stay.'))
    .argument('<name>', 'the token')
    .option('--json', 'print the result as JSON')
    .action((name: string, options: Options) => end('/enrolment-tokens', 'revoked', name, options, terminal));
}

async function addOne(name: string, options: AddOptions, terminal: Terminal): Promise<void> {
  const certificate = await readOneCertificate(options.certificate);
  const kinds = options.class.map((each) => deviceKind({ vendor: options.vendor, class: each }));
  const [first] = kinds;
  const added = await asked(options, 'POST', '/manufacturers', {
    name,
    certificate: new X509Certificate(certificate).toString(),
    vendor: first === undefined ? '' : uuidText(first.vendor),
    classes: kinds.map((each) => uuidText(each.class)),
  });
  tell(added, options, terminal, [
    ['added', name],
    ['subject', cellIn(added, 'subject')],
    ['certificate', `SHA-256 ${cellIn(added, 'fingerprint')}`],
    ['vendor', cellIn(added, 'vendor')],
    ...listOf(added['classes']).map((each) => ['class', String(each)] as const),
    ['valid until', new Date(numberIn(added, 'notAfterMs')).toISOString()],
  ]);
}

async function revokeCertificates(
  name: string,
  serials: readonly string[],
  options: Options,
  terminal: Terminal,
): Promise<void> {
  const path = `/manufacturers/${encodeURIComponent(name)}/revocations`;
  const answer = await asked(options, 'POST', path, { serials });
  const frozen = listOf(answer['frozen']).map(String);
  tell(answer, options, terminal, [
    ['revoked', serials.join(', ')],
    ['frozen', frozen.length === 0 ? 'no device came in by them' : frozen.join(', ')],
  ]);
}

async function makeToken(name: string, options: MakeOptions, terminal: Terminal): Promise<void> {
  // Nobody is told the token again: that it can be kept comes first.
  requireRoom(options.output);
  const kind = deviceKind(options);
  const terms = { name, vendor: uuidText(kind.vendor), class: uuidText(kind.class) };
  const asking = { ...terms, uses: options.uses, forMs: options.for };
  const { token, ...made } = await asked(options, 'POST', '/enrolment-tokens', asking);
  await writeNewFile(options.output, `${textIn({ token }, 'token')}\n`, 0o600);
  tell({ ...made, file: options.output }, options, terminal, [
    ['token', `${options.output}  (keep it secret: whoever has it gets devices in)`],
    ['name', name],
    ['vendor', cellIn(made, 'vendor')],
    ['class', cellIn(made, 'class')],
    ['uses', cellIn(made, 'uses')],
    ['valid until', new Date(numberIn(made, 'expiresMs')).toISOString()],
  ]);
}

async function listManufacturers(options: Options, terminal: Terminal): Promise<void> {
  await list(
    options,
    terminal,
    '/manufacturers',
    ['MANUFACTURER', 'SUBJECT', 'UNTIL', 'REVOKED', 'CLASSES'],
    (each) => [
      textIn(each, 'name'),
      cellIn(each, 'subject'),
      dayIn(each, 'notAfterMs'),
      `${listOf(each['revoked']).length}`,
      listOf(each['classes']).join(' '),
    ],
  );
}

async function listTokens(options: Options, terminal: Terminal): Promise<void> {
  await list(options, terminal, '/enrolment-tokens', ['TOKEN', 'USED', 'UNTIL', 'CLASS'], (each) => [
    textIn(each, 'name'),
    `${cellIn(each, 'used')} of ${cellIn(each, 'uses')}`,
    dayIn(each, 'expiresMs'),
    cellIn(each, 'class'),
  ]);
}

const dayIn = (fields: Fields, name: string): string =>
  new Date(numberIn(fields, name)).toISOString().slice(0, 'yyyy-mm-dd'.length);

async function list(
  options: Options,
  terminal: Terminal,
  path: string,
  headings: readonly string[],
  rowOf: (each: Fields) => readonly string[],
): Promise<void> {
  const access = await accessServer(options);
  const all = listOf(await askJson(access, request('GET', path))).map(fieldsOf);
  if (options.json === true) terminal.result(JSON.stringify(all));
  else if (all.length === 0) terminal.note('none yet');
  else terminal.table(headings, all.map(rowOf));
}

async function end(
  path: string,
  done: 'removed' | 'revoked',
  name: string,
  options: Options,
  terminal: Terminal,
): Promise<void> {
  await asked(options, 'DELETE', `${path}/${encodeURIComponent(name)}`);
  tell({ name, [done]: true }, options, terminal, [[done, name]]);
}

async function asked(
  options: Options,
  method: Request['method'],
  path: string,
  told?: object,
): Promise<Fields> {
  return fieldsOf(await askJson(await accessServer(options), jsonRequest(method, path, told)));
}

function tell(
  answer: Fields,
  options: Options,
  terminal: Terminal,
  facts: readonly (readonly [string, string])[],
): void {
  if (options.json === true) terminal.result(JSON.stringify(answer));
  else if (!terminal.quiet) terminal.facts(facts);
}
