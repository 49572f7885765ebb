/** `lapel sever`: without what a manifest keeps by digest only. */

import { severEnvelope } from '@lapel/author';
import type { SeverableName } from '@lapel/suit';
import { severableNames } from '@lapel/suit';
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import type { EditOptions } from '../edited-envelope.ts';
import { edited, writeEdited } from '../edited-envelope.ts';
import { readOutline } from '../envelope-file.ts';
import { targetOf } from '../sealed-file.ts';
import type { Terminal } from '../terminal.ts';

interface Options extends EditOptions {
  readonly element?: readonly SeverableName[];
}

export function addTo(program: Command, terminal: Terminal): void {
  edited(
    program
      .command('sever')
      .description(
        'Cuts elements off an envelope that the manifest keeps by digest only, such as its texts. ' +
          'Signatures stay good. Devices refuse to run a sequence that is cut off.',
      )
      .argument('<envelope>', 'the envelope, or - for stdin')
      .addOption(
        new Option('--element <name,...>', 'only these (default: all that are severable)').argParser(
          elementsIn,
        ),
      ),
  )
    .addHelpText('after', examples)
    .action(async (file: string, options: Options) => {
      const { bytes: before } = await readOutline(file);
      const { bytes, names } = severEnvelope(before, options.element);
      const saved = before.length - bytes.length;
      const told = [['cut off', `${names.join(', ')}: ${saved} bytes`]] as const;
      await writeEdited(targetOf(file, options.out), bytes, { severed: names }, told, options, terminal);
    });
}

const examples = `
Examples:
  lapel sever lamp.suit --element text -o lamp-small.suit
  lapel sever lamp.suit -o lamp-smallest.suit`;

function elementsIn(text: string): readonly SeverableName[] {
  return text.split(',').map((word) => {
    const found = severableNames.find((each) => each === word);
    if (found !== undefined) return found;
    throw new InvalidArgumentError(`Allowed choices are ${severableNames.join(', ')}.`);
  });
}
