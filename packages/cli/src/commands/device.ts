/**
 * `lapel device`: one device whose flash is a file. `make` is its factory, `run` switches it on, `show` looks
 * at its flash, `bring` hands it an update without any network, `recover` rescues one of which nothing boots.
 */

import { originOf } from '@lapel/transport';
import type { Command } from 'commander';
import { Option } from 'commander';

import type { Brought } from '../device/bring.ts';
import { bringToDevice } from '../device/bring.ts';
import type { ClientTlsOptions } from '../client-tls.ts';
import { readClientTls, withClientTls } from '../client-tls.ts';
import { runCoreFile } from '../device/core.ts';
import { counterOption, readImages, repeated, severalFiles, usage } from '../device/options.ts';
import { fromStick } from '../device/stick.ts';
import { recoverDeviceFile } from '../device/recover.ts';
import { runDeviceFile } from '../device/run.ts';
import { showDeviceFile } from '../device/show.ts';
import { readChain, readEnrolmentToken } from '../enrolment-files.ts';
import { readOutline } from '../envelope-file.ts';
import { linesHelp } from '../line/line.ts';
import { wholeNumber } from '../quantities.ts';
import type { Terminal } from '../terminal.ts';
import { addLwm2m } from './device-lwm2m.ts';
import { addMake } from './device-make.ts';

export function addTo(program: Command, terminal: Terminal): void {
  const device = program
    .command('device')
    .description('One device on this machine, with its flash in a file.')
    .addHelpText('after', examples);
  addMake(device, terminal);
  addRun(device, terminal);
  addCore(device, terminal);
  addLwm2m(device, terminal);
  addShow(device, terminal);
  addBring(device, terminal);
  addRecover(device, terminal);
}

const examples = `
Examples:
  lapel device make lamp.flash --id lamp-77 --trust author.pub.pem --tracker data/keys/tracker.pub.pem \\
        --firmware lamp-1.0.suit --image lamp-1.0.bin
  lapel devices add lamp-77 --key lamp.pub.pem --vendor lapel.example --class lamp --token-file admin.token
  lapel device run lamp.flash --server http://localhost:8080
  lapel device run lamp.flash --server coap://tracker.example
  lapel device run lamp.flash --server coap://tracker.example --quick
  lapel device run lamp.flash --discover
  lapel device lwm2m lamp.flash --server coap://leshan.example
  lapel device run lamp-78.flash --enrolment-token line.token
  lapel device show lamp.flash
  lapel device recover lamp.flash --envelope lamp-1.1.suit --image lamp-1.1.bin`;

interface RunOptions extends ClientTlsOptions {
  readonly server: string;
  readonly cache: readonly string[];
  readonly discover?: boolean;
  readonly poll: string;
  readonly keepAlive: string;
  readonly quick?: boolean;
  readonly enrolmentToken?: string;
  readonly certificate?: readonly string[];
  readonly counter?: string;
  readonly json?: boolean;
}

function addRun(device: Command, terminal: Terminal): void {
  const command = device
    .command('run')
    .summary('switch the device on')
    .description(
      'Boots the device and lets it live until Ctrl-C or kill: it checks in, updates, confirms and reports.',
    )
    .argument('<flash>', 'the file with the flash')
    .addOption(
      new Option('--server <url>', 'the server').env('LAPEL_SERVER').default('http://localhost:8080'),
    );
  withClientTls(command)
    .option('--cache <url...>', 'gateways to ask first for what is named by its digest', [])
    .option('--discover', 'find gateways in this network; without --server, the server, too')
    .option('--poll <seconds>', 'between two looks for news', '5')
    .option('--keep-alive <seconds>', 'over CoAP: how often it says to a NAT that it is there', '25')
    .option('--quick', 'over CoAP in datagrams: blocks in sets, for links that are slow or lose much')
    .addOption(counterOption('its counter; a flash that is older is not started'))
    .option('--enrolment-token <file>', 'what lets it in where the tracker does not know it yet')
    .addOption(repeated('--certificate <file>', "the same by its manufacturer: its key's certificate first"))
    .option('--json', 'print each step as a line of JSON')
    .action(async (flash: string, options: RunOptions) => {
      const { server, poll, counter, quick = false, json = false } = options;
      const isFound = options.discover === true && command.getOptionValueSource('server') === 'default';
      const places = {
        origin: isFound ? undefined : originOfServer('--server', server),
        caches: options.cache.map((url) => originOfServer('--cache', url)),
        discovers: options.discover === true,
      };
      const renewMs = 1000 * wholeNumber('--keep-alive', options.keepAlive, 1, 24 * 3600);
      const pollMs = 1000 * wholeNumber('--poll', poll, 1, 7 * 24 * 3600);
      const enrolment = await enrolmentOf(options);
      const tls = await readClientTls(options);
      const how = { pollMs, renewMs, quick };
      await runDeviceFile({ file: flash, ...places, ...how, counter, enrolment, tls, json }, terminal);
    });
}

function originOfServer(option: string, server: string): string {
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (url !== undefined && schemes.includes(url.protocol) && url.hostname !== '') return originOf(url);
  throw usage(`expected ${option} http://HOST:PORT, or coap, or coap+tcp; found ${server}`);
}

const schemes = ['http:', 'https:', 'coap:', 'coap+tcp:'];

const enrolmentOf = async ({ enrolmentToken: file, certificate }: RunOptions) => ({
  ...(file === undefined ? {} : { enrolmentToken: await readEnrolmentToken(file) }),
  ...(certificate === undefined ? {} : { certificates: await readChain(certificate) }),
});

interface CoreOptions {
  readonly line: string;
  readonly counter?: string;
  readonly json?: boolean;
}

function addCore(device: Command, terminal: Terminal): void {
  device
    .command('core')
    .summary('switch a device on that has a line and no network')
    .description(
      'Boots the device and lets it live until Ctrl-C or kill, behind a communicator at the other end of ' +
        'its line (`lapel communicator`), which tells it when to look for an update.',
    )
    .argument('<flash>', 'the file with the flash')
    .requiredOption('--line <line>', 'its line')
    .addOption(counterOption('its counter; a flash that is older is not started'))
    .option('--json', 'print each step as a line of JSON')
    .addHelpText('after', linesHelp)
    .action((flash: string, { line, counter, json = false }: CoreOptions) =>
      runCoreFile({ file: flash, line, counter, json }, terminal),
    );
}

interface ShowOptions {
  readonly json?: boolean;
  readonly counter?: string;
}

function addShow(device: Command, terminal: Terminal): void {
  device
    .command('show')
    .summary('what is in the flash')
    .description(
      'Shows who the device is, what its slots hold, how far back it may go, and what would start and why.',
    )
    .argument('<flash>', 'the file with the flash')
    .option('--json', 'print it as JSON')
    .addOption(counterOption('its counter, which is not changed'))
    .action((flash: string, { json = false, counter }: ShowOptions) =>
      showDeviceFile({ file: flash, json, counter }, terminal),
    );
}

interface BringOptions {
  readonly envelope?: string;
  readonly stick?: string;
  readonly payload: readonly string[];
  readonly counter?: string;
  readonly json?: boolean;
}

function addBring(device: Command, terminal: Terminal): void {
  device
    .command('bring')
    .summary('bring an update, or an order, to a device without a network')
    .description(
      'Starts the device, hands it a signed envelope as from a stick, and lets it install, restart and ' +
        'confirm by self-test. It asks of it what it asks of any update. Exit code 6 where it refuses.',
    )
    .argument('<flash>', 'the file with the flash')
    .option('--envelope <file>', 'the signed envelope')
    .option('--payload <file...>', 'its payloads, or folders to find them in', ['.'])
    .option('--stick <folder>', 'instead: what `lapel carry out` has put there; reports are written to it')
    .addOption(counterOption('its counter'))
    .option('--json', 'print the result as JSON')
    .action((flash: string, { counter, json = false, ...options }: BringOptions) =>
      bringToDevice({ file: flash, brought: whatIsBrought(options), counter, json }, terminal),
    );
}

function whatIsBrought({ envelope, stick, payload }: BringOptions): (device: string) => Promise<Brought> {
  if (envelope !== undefined && stick === undefined)
    return async () => ({ envelope: (await readOutline(envelope)).bytes, places: payload });
  if (stick !== undefined && envelope === undefined) return (device) => fromStick(stick, device);
  throw usage('expected --envelope FILE or --stick FOLDER, found neither or both');
}

interface RecoverOptions {
  readonly envelope: string;
  readonly image: readonly string[];
  readonly faults: string;
  readonly seed: string;
  readonly counter?: string;
  readonly json?: boolean;
}

function addRecover(device: Command, terminal: Terminal): void {
  device
    .command('recover')
    .summary('bring a firmware to a device of which nothing boots')
    .description(
      'Starts a device whose slots are all ruined, and sends its bootloader a signed envelope and the ' +
        'images over a serial line. The bootloader asks of them what it asks of any update, and writes ' +
        'nothing before. The firmware is booted on trial at the next start.',
    )
    .argument('<flash>', 'the file with the flash')
    .requiredOption('--envelope <file>', 'the signed envelope')
    .addOption(severalFiles('--image <file>', 'its image; repeated, in the order of its components'))
    .option('--faults <percent>', 'of what the line carries: lost, repeated, or changed', '0')
    .option('--seed <number>', 'for what goes wrong on the line', '1')
    .addOption(counterOption('its counter; nothing below it is taken'))
    .option('--json', 'print the result as JSON')
    .action(async (flash: string, options: RecoverOptions) => {
      const { envelope, image, faults, seed, counter, json = false } = options;
      const [first = new Uint8Array(), ...further] = await readImages(image);
      const plan = {
        file: flash,
        firmware: { envelope: (await readOutline(envelope)).bytes, image: first, further },
        faultShare: wholeNumber('--faults', faults, 0, 20) / 100,
        seed: wholeNumber('--seed', seed, 0, 0xffff_ffff),
        counter,
        json,
      };
      recoverDeviceFile(plan, terminal);
    });
}
