/** `lapel devices`: the fleet as the status tracker sees it, and who belongs to it. */

import { uuidText } from '@lapel/suit';
import { keyToPem } from '@lapel/cose';
import { request } from '@lapel/transport';
import type { Command } from 'commander';
import type { Fields } from '../answers.ts';
import { cellIn, fieldsOf, listOf, textIn } from '../answers.ts';
import { askJson, jsonRequest } from '../ask.ts';
import { deviceInWords, seenText } from '../device-in-words.ts';
import { deviceKind } from '../device-kind.ts';
import { readVerificationKey } from '../key-files.ts';
import { asJson, readOscoreFile } from '../oscore-file.ts';
import type { ServerOptions } from '../server-access.ts';
import { accessServer, withServer } from '../server-access.ts';
import type { Terminal } from '../terminal.ts';
import { addDevicesDecide } from './devices-decide.ts';
import { addDevicesTag } from './devices-tag.ts';

interface Options extends ServerOptions {
  readonly json?: boolean;
}

interface ListOptions extends Options {
  readonly waiting?: boolean;
  readonly where?: string;
}

interface AddOptions extends Options {
  readonly key: string;
  readonly vendor: string;
  readonly class: string;
  readonly oscore?: string;
}

export function addTo(program: Command, terminal: Terminal): void {
  const devices = program
    .command('devices')
    .description('Shows the devices that the status tracker knows, and says which are of the fleet.')
    .addHelpText('after', examples);
  withServer(devices.command('list', { isDefault: true }).description('Lists all devices.'))
    .option('--waiting', 'only those that wait for approval')
    .option('--where <query>', 'only those that a query matches, as for campaigns')
    .option('--json', 'print the list as JSON')
    .action((options: ListOptions) => list(options, terminal));
  withServer(devices.command('show').description('Shows one device, and says why it is where it is.'))
    .argument('<id>', 'the device')
    .option('--json', 'print the device as JSON')
    .action((id: string, options: Options) => show(id, options, terminal));
  withServer(devices.command('add').description('Lets a device in before it registers, by its public key.'))
    .argument('<id>', 'the name that the device calls itself by')
    .requiredOption('--key <file>', "the device's public key (PEM)")
    .requiredOption('--vendor <name>', "its vendor's domain, or a UUID")
    .requiredOption('--class <name>', 'its class within the vendor, or a UUID')
    .option('--oscore <file>', 'what it shares with its servers, as `device make --oscore` or libcoap has it')
    .option('--json', 'print the result as JSON')
    .action((id: string, options: AddOptions) => add(id, options, terminal));
  addDevicesDecide(devices, terminal);
  addDevicesTag(devices, terminal);
}

const examples = `
Examples:
  lapel devices --token-file viewer.token
  lapel devices show lamp-7 --token-file viewer.token
  lapel devices approve lamp-7 --token-file operator.token
  lapel devices retire lamp-6 --because 'broken' --token-file operator.token
  lapel devices add lamp-8 --key lamp-8.pub.pem --vendor lapel.example --class lamp`;

const pageLimit = 1000;
const pagesMax = 1000;

async function list(options: ListOptions, terminal: Terminal): Promise<void> {
  const access = await accessServer(options);
  const devices: Fields[] = [];
  let after: string | undefined;
  for (let page = 0; page < pagesMax; page++) {
    const query = new Map([
      ['limit', `${pageLimit}`],
      ...(options.waiting === true ? [['approval', 'pending'] as const] : []),
      ...(options.where === undefined ? [] : [['where', options.where] as const]),
      ...(after === undefined ? [] : [['after', after] as const]),
    ]);
    const answer = fieldsOf(await askJson(access, request('GET', '/devices', { query })));
    devices.push(...listOf(answer['devices']).map(fieldsOf));
    const { next } = answer;
    if (typeof next !== 'string') break;
    after = next;
  }
  if (options.json === true) terminal.result(JSON.stringify(devices));
  else if (devices.length === 0)
    terminal.note(options.where === undefined ? 'no devices yet' : 'no device matches');
  else {
    const headings = ['DEVICE', 'STATE', 'VERSION', 'UPDATE', 'SEEN', 'CLASS'];
    terminal.table(headings, devices.map(deviceRow));
    if (options.waiting === true) terminal.note('lapel devices show ID tells its fingerprint');
    terminal.note(`${devices.length} device${devices.length === 1 ? '' : 's'}`);
  }
}

/** What is said instead of a device's state where that is not what counts. */
const standings: Readonly<Record<string, string>> = {
  pending: 'waits for approval',
  frozen: 'frozen',
  retired: 'retired',
};

function deviceRow(device: Fields): readonly string[] {
  const approval = cellIn(device, 'approval');
  return [
    textIn(device, 'id'),
    standings[approval] ?? cellIn(device, 'state'),
    cellIn(device, 'version') || '-',
    updateOf(device) || '-',
    seenText(device),
    cellIn(device, 'class'),
  ];
}

/** How the device stands in the campaign that last addressed it. */
function updateOf({ campaign }: Fields): string {
  return campaign === undefined || campaign === null ? '' : cellIn(fieldsOf(campaign), 'status');
}

async function show(id: string, options: Options, terminal: Terminal): Promise<void> {
  const access = await accessServer(options);
  const device = fieldsOf(await askJson(access, request('GET', `/devices/${encodeURIComponent(id)}`)));
  if (options.json === true) {
    terminal.result(JSON.stringify(device));
    return;
  }
  terminal.facts(deviceInWords(device));
}

async function add(id: string, options: AddOptions, terminal: Terminal): Promise<void> {
  const access = await accessServer(options);
  const key = await readVerificationKey(options.key);
  const kind = deviceKind(options);
  const named = { vendor: uuidText(kind.vendor), class: uuidText(kind.class) };
  const shared = options.oscore === undefined ? {} : { oscore: asJson(await readOscoreFile(options.oscore)) };
  const provision = { id, publicKey: keyToPem(key), ...named, ...shared };
  await askJson(access, jsonRequest('POST', '/devices', provision));
  if (options.json === true)
    terminal.result(JSON.stringify({ id, vendor: provision.vendor, class: provision.class }));
  else if (!terminal.quiet) {
    terminal.facts([
      ['added', id],
      ['vendor', provision.vendor],
      ['class', provision.class],
    ]);
  }
}
