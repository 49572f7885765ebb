/** `lapel add-dependency`: a dependency travels inside the envelope that needs it. */

import { addDependency } from '@lapel/author';
import type { Command } from 'commander';
import { integrating } from '../edited-envelope.ts';
import { readOutline } from '../envelope-file.ts';
import type { Terminal } from '../terminal.ts';

export function addTo(program: Command, terminal: Terminal): void {
  integrating(
    program
      .command('add-dependency')
      .description(
        "Puts a signed envelope into another one, under a URI such as '#radio' that its manifest fetches. " +
          'The manifest must have dependencies, and name this one by digest.',
      ),
    {
      what: 'the envelope of the dependency',
      read: async (file) => (await readOutline(file)).bytes,
      integrate: addDependency,
    },
    terminal,
  ).addHelpText('after', examples);
}

const examples = `
Examples:
  lapel add-dependency hub.suit radio.suit --uri '#radio'`;
