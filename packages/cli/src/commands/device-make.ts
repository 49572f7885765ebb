/** `lapel device make`: the factory of one device, and what it is told of whom the device will trust. */

import type { ProfileName } from '@lapel/device';
import type { Requirement } from '@lapel/suit';
import type { Command } from 'commander';
import { Option } from 'commander';
import { readAnchorPlans, readDecryptionKeys, withOperators } from '../device/anchors.ts';
import { profileNames } from '../device/kinds.ts';
import type { BootPolicy, DevicePlan } from '../device/make.ts';
import { makeDeviceFile } from '../device/make.ts';
import { counterOption, readImages, repeated, severalFiles, usage } from '../device/options.ts';
import { readOutline } from '../envelope-file.ts';
import { readVerificationKey } from '../key-files.ts';
import { wholeNumber } from '../quantities.ts';
import type { Terminal } from '../terminal.ts';
import { requireOption, trustHelp } from '../trusted-keys.ts';

const makeExamples = `
Profiles:
  class1               two slots that both run; nothing is copied
  class1-overwrite     one slot that runs; a new image is staged on a chip beside it, and copied over
  class1-swap          one slot that runs; a new image is staged beside it, and exchanged with the old one
  class1-delete-first  room for one image; the component 'recovery' fetches the next one
  class1-encrypted     as class1, and 'download' on a chip beside, for payloads as they are encrypted
  secure-normal        components 'secure' and 'normal', with two slots each
  dual-shared          components 'application' and 'radio', with two slots each
  two-stage            components 'stage-2' and 'application', with two slots each
  heterogeneous        components 'firmware' and 'data', the data on a chip beside
  trusted-applications components 'firmware' and 'application', and a manifest of its own for each

One envelope for two components, images in the order of its components:
  lapel device make gate.flash --profile secure-normal --id gate-1 --trust author.pub.pem \\
        --confirm-by self-test --firmware both.suit --image secure.bin --image normal.bin

Two envelopes, each with its image:
  lapel device make tag.flash --profile class1-delete-first --id tag-1 --trust author.pub.pem \\
        --confirm-by self-test --counter tag.counter \\
        --firmware tag.suit --image tag.bin --firmware recovery.suit --image recovery.bin

Author and operator must both sign, and the operator's key touches no component but main:
  lapel device make lamp.flash --id lamp-77 --confirm-by self-test --firmware lamp.suit --image lamp.bin \\
        --trust author.pub.pem=author operator.pub.pem=operator --require 1:author --require 1:operator \\
        --may operator.pub.pem=main --may-not-delegate operator.pub.pem`;

interface MakeOptions {
  readonly profile: ProfileName;
  readonly id: string;
  readonly trust: readonly string[];
  readonly require: readonly Requirement[];
  readonly may?: readonly string[];
  readonly mayNotDelegate?: readonly string[];
  readonly decryptionKey?: readonly string[];
  readonly tracker?: string;
  readonly operator?: readonly string[];
  readonly firmware: readonly string[];
  readonly image: readonly string[];
  readonly confirmBy: 'tracker' | 'self-test';
  readonly attempts: string;
  readonly deadline: string;
  readonly boot: BootPolicy;
  readonly counter?: string;
  readonly oscore?: string;
  readonly json?: boolean;
}

export function addMake(device: Command, terminal: Terminal): void {
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
    .requiredOption('--trust <file=group...>', 'public keys of whom it believes, each in a group, or in none')
    .addOption(requireOption())
    .addOption(repeated('--may <file=component,...>', 'all that this key may touch (default: everything)'))
    .option('--may-not-delegate <file...>', 'keys that may not say who else is trusted')
    .addOption(repeated('--decryption-key <file>', 'what it decrypts payloads with; may be repeated'))
    .option('--tracker <file>', "the status tracker's public key (PEM); without it, confirm by self-test")
    .addOption(
      repeated('--operator <file>', 'an operator, without whose signed campaign it installs nothing'),
    )
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
    .option('--oscore <file>', 'let it share a secret with its servers, for OSCORE; what to give them')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', `${trustHelp}\n${makeExamples}`)
    .action(async (flash: string, options: MakeOptions) => {
      const made = await makeDeviceFile(await planOf(flash, options));
      const { sequenceNumber: sequence, publicKeyFile } = made;
      if (options.json === true) {
        terminal.result(JSON.stringify({ file: flash, id: options.id, sequence, public: publicKeyFile }));
      } else {
        terminal.result(`${flash}  ${options.id}, sequence number ${sequence}`);
        terminal.note(`its public key, for the tracker: ${publicKeyFile}`);
      }
    });
}

async function planOf(flash: string, options: MakeOptions): Promise<DevicePlan> {
  const {
    profile,
    id,
    tracker,
    operator: operators = [],
    firmware,
    image,
    confirmBy,
    boot,
    counter,
    oscore,
  } = options;
  if (tracker === undefined && confirmBy === 'tracker') {
    throw usage('expected --tracker FILE, or --confirm-by self-test, found neither');
  }
  if (tracker === undefined && operators.length > 0) {
    throw usage('expected --tracker FILE with --operator, found none: only a tracker has campaigns');
  }
  return {
    file: flash,
    profile,
    id,
    anchors: await withOperators(await readAnchorPlans(options), operators),
    holdsToOperators: operators.length > 0,
    required: options.require,
    decryptionKeys: await readDecryptionKeys(options.decryptionKey ?? []),
    tracker: tracker === undefined ? undefined : await readVerificationKey(tracker),
    envelopes: await Promise.all(
      firmware.map(async (file) => ({ file, envelope: (await readOutline(file)).bytes })),
    ),
    images: await readImages(image),
    confirmBy,
    attempts: wholeNumber('--attempts', options.attempts, 1, 100),
    deadlineMs: 1000 * wholeNumber('--deadline', options.deadline, 1, 30 * 24 * 3600),
    boot,
    counter,
    oscore,
  };
}
