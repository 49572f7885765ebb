/**
 * `lapel device`: one device on this machine, with its flash in a file. `make` is the factory, `run`
 * the power switch (kill it whenever you like), `show` a look at the flash, `recover` a serial line to it.
 */

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { Option } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { makeDeviceFile } from '../device/make.ts';
import { recoverDeviceFile } from '../device/recover.ts';
import { runDeviceFile } from '../device/run.ts';
import { showDeviceFile } from '../device/show.ts';
import { readEnvelopeFile, readVerificationKey } from '../files.ts';
import type { Terminal } from '../terminal.ts';

export function addDevice(program: Command, terminal: Terminal): void {
  const device = program
    .command('device')
    .summary('make and run one device with its flash in a file')
    .description('One device of two slots on this machine, with its flash in a file.')
    .addHelpText('after', examples);
  addMake(device, terminal);
  addRun(device, terminal);
  device
    .command('show')
    .summary('what is in the flash')
    .description('Shows who the device is, what its slots hold, and how far back it may go.')
    .argument('<flash>', 'the file with the flash')
    .option('--json', 'print it as JSON')
    .action((flash: string, { json = false }: { json?: boolean }) => showDeviceFile(flash, json, terminal));
  addRecover(device, terminal);
}

const examples = `
Examples:
  lapel device make lamp.flash --id lamp-77 --trust author.pub.pem --tracker data/keys/tracker.pub.pem \\
        --firmware lamp-1.0.suit --image lamp-1.0.bin
  lapel devices add lamp-77 --key lamp.pub.pem --vendor lapel.example --class lamp --token-file admin.token
  lapel device run lamp.flash --server http://localhost:8080
  lapel device show lamp.flash
  lapel device recover lamp.flash --envelope lamp-1.1.suit --image lamp-1.1.bin`;

interface MakeOptions {
  readonly id: string;
  readonly trust: readonly string[];
  readonly tracker?: string;
  readonly firmware: string;
  readonly image: string;
  readonly confirmBy: 'tracker' | 'self-test';
  readonly attempts: string;
  readonly deadline: string;
}

function addMake(device: Command, terminal: Terminal): void {
  device
    .command('make')
    .summary('make a device, as its factory does')
    .description(
      'Makes a device with a key of its own and a first firmware, which it must accept like any other. ' +
        "Vendor, class and component are the firmware's. Writes the device's public key beside the flash.",
    )
    .argument('<flash>', 'where to keep the flash; must not exist yet')
    .requiredOption('--id <name>', 'what the device calls itself')
    .requiredOption('--trust <file...>', "the authors' public keys (PEM)")
    .option('--tracker <file>', "the status tracker's public key (PEM); without it, confirm by self-test")
    .requiredOption('--firmware <file>', 'the signed envelope of the first firmware')
    .requiredOption('--image <file>', 'its image')
    .addOption(
      new Option('--confirm-by <whom>', 'whose word ends a trial')
        .choices(['tracker', 'self-test'])
        .default('tracker'),
    )
    .option('--attempts <number>', 'how often a trial is booted', '3')
    .option('--deadline <seconds>', 'how long a booted trial may take to be confirmed', '300')
    .action(async (flash: string, options: MakeOptions) => {
      const { id, trust, tracker, firmware, image, confirmBy } = options;
      if (tracker === undefined && confirmBy === 'tracker') {
        const message = 'expected --tracker FILE, or --confirm-by self-test, found neither';
        throw new CommandFailure(exitCodes.usage, message);
      }
      if (existsSync(flash)) {
        throw new CommandFailure(exitCodes.conflict, `expected ${flash} not to exist yet, found it`);
      }
      const made = await makeDeviceFile({
        file: flash,
        id,
        authors: await Promise.all(trust.map(readVerificationKey)),
        tracker: tracker === undefined ? undefined : await readVerificationKey(tracker),
        firmware: {
          envelope: await readEnvelopeFile(firmware),
          image: new Uint8Array(await readFile(image)),
        },
        confirmBy,
        attempts: wholeNumber('--attempts', options.attempts, 1, 100),
        deadlineMs: 1000 * wholeNumber('--deadline', options.deadline, 1, 30 * 24 * 3600),
      });
      terminal.result(`${flash}  ${id}, sequence number ${made.sequenceNumber}`);
      terminal.note(`its public key, for the tracker: ${made.publicKeyFile}`);
    });
}

interface RunOptions {
  readonly server: string;
  readonly poll: string;
}

function addRun(device: Command, terminal: Terminal): void {
  device
    .command('run')
    .summary('switch the device on')
    .description(
      'Boots the device and lets it live until Ctrl-C or kill: it checks in, updates, confirms and reports.',
    )
    .argument('<flash>', 'the file with the flash')
    .addOption(
      new Option('--server <url>', 'the server').env('LAPEL_SERVER').default('http://localhost:8080'),
    )
    .option('--poll <seconds>', 'between two looks for news', '5')
    .action(async (flash: string, { server, poll }: RunOptions) => {
      if (!URL.canParse(server)) {
        throw new CommandFailure(exitCodes.usage, `expected --server http://HOST:PORT, found ${server}`);
      }
      const pollMs = 1000 * wholeNumber('--poll', poll, 1, 7 * 24 * 3600);
      await runDeviceFile({ file: flash, origin: new URL(server).origin, pollMs }, terminal);
    });
}

interface RecoverOptions {
  readonly envelope: string;
  readonly image: string;
  readonly faults: string;
  readonly seed: string;
}

function addRecover(device: Command, terminal: Terminal): void {
  device
    .command('recover')
    .summary('bring a firmware to a device of which nothing boots')
    .description(
      'Starts a device whose slots are both ruined, and sends its bootloader a signed envelope and the ' +
        'image over a serial line. The bootloader asks of them what it asks of any update, and writes ' +
        'nothing before. The firmware is booted on trial at the next start.',
    )
    .argument('<flash>', 'the file with the flash')
    .requiredOption('--envelope <file>', 'the signed envelope')
    .requiredOption('--image <file>', 'its image')
    .option('--faults <percent>', 'of what the line carries: lost, repeated, or changed', '0')
    .option('--seed <number>', 'for what goes wrong on the line', '1')
    .action(async (flash: string, { envelope, image, faults, seed }: RecoverOptions) => {
      const plan = {
        file: flash,
        firmware: {
          envelope: await readEnvelopeFile(envelope),
          image: new Uint8Array(await readFile(image)),
        },
        faultShare: wholeNumber('--faults', faults, 0, 20) / 100,
        seed: wholeNumber('--seed', seed, 0, 0xffff_ffff),
      };
      recoverDeviceFile(plan, terminal);
    });
}

function wholeNumber(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new CommandFailure(
    exitCodes.usage,
    `expected ${option} to be a number from ${min} to ${max}, found ${text}`,
  );
}
