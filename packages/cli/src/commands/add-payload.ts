/** `lapel add-payload`: an image travels inside its envelope. */

import { addPayload } from '@lapel/author';
import { server } from '@lapel/suit';
import type { Command } from 'commander';
import { integrating } from '../edited-envelope.ts';
import { readBounded } from '../files.ts';
import type { Terminal } from '../terminal.ts';

export function addTo(program: Command, terminal: Terminal): void {
  integrating(
    program
      .command('add-payload')
      .description(
        "Puts a file into an envelope, under a URI such as '#firmware' that its manifest fetches. " +
          'Signatures stay good; devices hold it against the digest in the manifest.',
      ),
    {
      what: 'the payload',
      read: (file) => readBounded(file, server.envelopeBytes),
      integrate: addPayload,
    },
    terminal,
  ).addHelpText('after', examples);
}

const examples = `
Examples:
  lapel add-payload lamp.suit lamp.bin --uri '#firmware'`;
