/**
 * `lapel device`: one device on this machine, with its flash in a file. `make` is the factory, `run`
 * the power switch (kill it whenever you like), `show` a look at the flash, `recover` a serial line to it.
 */

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { Option } from 'commander';
import { profileNames } from '../device/kinds.ts';
import type { ProfileName } from '../device/kinds.ts';
import type { BootPolicy, DevicePlan } from '../device/make.ts';
import { makeDeviceFile } from '../device/make.ts';
import { recoverDeviceFile } from '../device/recover.ts';
import { runDeviceFile } from '../device/run.ts';
import { showDeviceFile } from '../device/show.ts';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { readEnvelopeFile, readVerificationKey } from '../files.ts';
import type { Terminal } from '../terminal.ts';

export function addDevice(program: Command, terminal: Terminal): void {
  const device = program
    .command('device')
    .summary('make and run one device with its flash in a file')
    .description('One device on this machine, with its flash in a file.')
    .addHelpText('after', examples);
  addMake(device, terminal);
  addRun(device, terminal);
  addShow(device, terminal);
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

const makeExamples = `
Profiles:
  class1               two slots that both run; nothing is copied
  class1-overwrite     one slot that runs; a new image is staged on a chip beside it, and copied over
  class1-swap          one slot that runs; a new image is staged beside it, and exchanged with the old one
  class1-delete-first  room for one image; the component 'recovery' fetches the next one
  secure-normal        components 'secure' and 'normal', with two slots each
  dual-shared          components 'application' and 'radio', with two slots each
  two-stage            components 'stage-2' and 'application', with two slots each
  heterogeneous        components 'firmware' and 'data', the data on a chip beside

One envelope for two components, images in the order of its components:
  lapel device make gate.flash --profile secure-normal --id gate-1 --trust author.pub.pem \\
        --confirm-by self-test --firmware both.suit --image secure.bin --image normal.bin

Two envelopes, each with its image:
  lapel device make tag.flash --profile class1-delete-first --id tag-1 --trust author.pub.pem \\
        --confirm-by self-test --counter tag.counter \\
        --firmware tag.suit --image tag.bin --firmware recovery.suit --image recovery.bin`;

/** As many as a device has components, and some more: whoever gives more is told so. */
const filesMax = 16;

function severalFiles(flags: string, description: string): Option {
  const option = new Option(flags, description).makeOptionMandatory();
  return option.argParser((file, before: readonly string[] | undefined) => {
    const files = [...(before ?? []), file];
    if (files.length > filesMax)
      throw usage(`expected ${flags} at most ${filesMax} times, found it more often`);
    return files;
  });
}

const counterOption = (description: string): Option => new Option('--counter <file>', description);

const readImages = (files: readonly string[]): Promise<readonly Uint8Array[]> =>
  Promise.all(files.map(async (file) => new Uint8Array(await readFile(file))));

interface MakeOptions {
  readonly profile: ProfileName;
  readonly id: string;
  readonly trust: readonly string[];
  readonly tracker?: string;
  readonly firmware: readonly string[];
  readonly image: readonly string[];
  readonly confirmBy: 'tracker' | 'self-test';
  readonly attempts: string;
  readonly deadline: string;
  readonly boot: BootPolicy;
  readonly counter?: string;
}

function addMake(device: Command, terminal: Terminal): void {
  device
    .command('make')
    .summary('make a device, as its factory does')
    .description(
      'Makes a device with a key of its own and a first firmware, which it must accept like any other. ' +
        "Vendor and class are the firmware's, and where there is only one, so is the component. " +
        "Writes the device's public key beside the flash.",
    )
    .argument('<flash>', 'where to keep the flash; must not exist yet')
    .addOption(
      new Option('--profile <name>', 'what lies where in its flash').choices(profileNames).default('class1'),
    )
    .requiredOption('--id <name>', 'what the device calls itself')
    .requiredOption('--trust <file...>', "the authors' public keys (PEM)")
    .option('--tracker <file>', "the status tracker's public key (PEM); without it, confirm by self-test")
    .addOption(severalFiles('--firmware <file>', 'the signed envelope of a first firmware; may be repeated'))
    .addOption(
      severalFiles('--image <file>', 'its image; repeated, in the order of envelopes and components'),
    )
    .addOption(
      new Option('--confirm-by <whom>', 'whose word ends a trial')
        .choices(['tracker', 'self-test'])
        .default('tracker'),
    )
    .option('--attempts <number>', 'how often a trial is booted', '3')
    .option('--deadline <seconds>', 'how long a booted trial may take to be confirmed', '300')
    .addOption(
      new Option('--boot <by>', 'what the bootloader checks once it has checked the signature')
        .choices(['signature', 'mac'])
        .default('signature'),
    )
    .addOption(
      counterOption('make a counter that only rises there; an older flash put back is noticed by it'),
    )
    .addHelpText('after', makeExamples)
    .action(async (flash: string, options: MakeOptions) => {
      const made = await makeDeviceFile(await planOf(flash, options));
      terminal.result(`${flash}  ${options.id}, sequence number ${made.sequenceNumber}`);
      terminal.note(`its public key, for the tracker: ${made.publicKeyFile}`);
    });
}

async function planOf(flash: string, options: MakeOptions): Promise<DevicePlan> {
  const { profile, id, trust, tracker, firmware, image, confirmBy, boot, counter } = options;
  if (tracker === undefined && confirmBy === 'tracker') {
    throw usage('expected --tracker FILE, or --confirm-by self-test, found neither');
  }
  for (const file of [flash, ...(counter === undefined ? [] : [counter])]) {
    if (!existsSync(file)) continue;
    throw new CommandFailure(exitCodes.conflict, `expected ${file} not to exist yet, found it`);
  }
  return {
    file: flash,
    profile,
    id,
    authors: await Promise.all(trust.map(readVerificationKey)),
    tracker: tracker === undefined ? undefined : await readVerificationKey(tracker),
    envelopes: await Promise.all(
      firmware.map(async (file) => ({ file, envelope: await readEnvelopeFile(file) })),
    ),
    images: await readImages(image),
    confirmBy,
    attempts: wholeNumber('--attempts', options.attempts, 1, 100),
    deadlineMs: 1000 * wholeNumber('--deadline', options.deadline, 1, 30 * 24 * 3600),
    boot,
    counter,
  };
}

interface RunOptions {
  readonly server: string;
  readonly poll: string;
  readonly counter?: string;
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
    .addOption(counterOption('its counter; a flash that is older is not started'))
    .action(async (flash: string, { server, poll, counter }: RunOptions) => {
      if (!URL.canParse(server)) throw usage(`expected --server http://HOST:PORT, found ${server}`);
      const pollMs = 1000 * wholeNumber('--poll', poll, 1, 7 * 24 * 3600);
      await runDeviceFile({ file: flash, origin: new URL(server).origin, pollMs, counter }, terminal);
    });
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

interface RecoverOptions {
  readonly envelope: string;
  readonly image: readonly string[];
  readonly faults: string;
  readonly seed: string;
  readonly counter?: string;
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
    .action(async (flash: string, { envelope, image, faults, seed, counter }: RecoverOptions) => {
      const [first = new Uint8Array(), ...further] = await readImages(image);
      const plan = {
        file: flash,
        firmware: { envelope: await readEnvelopeFile(envelope), image: first, further },
        faultShare: wholeNumber('--faults', faults, 0, 20) / 100,
        seed: wholeNumber('--seed', seed, 0, 0xffff_ffff),
        counter,
      };
      recoverDeviceFile(plan, terminal);
    });
}

const usage = (message: string) => new CommandFailure(exitCodes.usage, message);

function wholeNumber(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw usage(`expected ${option} to be a number from ${min} to ${max}, found ${text}`);
}
