/**
 * `lapel publish`: an author uploads an envelope and the payloads that it names. No device is offered
 * it by that alone.
 */

import { dirname } from 'node:path';
import type { Payload } from '@lapel/author';
import { publishRelease } from '@lapel/author';
import type { Body } from '@lapel/transport';
import type { Command } from 'commander';
import { readOutline } from '../envelope-file.ts';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { findAllPayloads } from '../payload-files.ts';
import { sizeText } from '../quantities.ts';
import { shownOn } from '../reading-progress.ts';
import type { ServerOptions } from '../server-access.ts';
import { accessServer, withServer } from '../server-access.ts';
import type { Terminal } from '../terminal.ts';
import { progressLine } from '../terminal.ts';

interface Options extends ServerOptions {
  readonly payload?: readonly string[];
  readonly json?: boolean;
}

export function addTo(program: Command, terminal: Terminal): void {
  withServer(
    program
      .command('publish')
      .description(
        'Uploads an envelope and its payloads, as an author. An operator releases it before devices get it.',
      )
      .argument('<envelope>', 'the signed envelope'),
  )
    .option('--payload <file...>', 'payloads, or folders to find them in (default: where the envelope is)')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', examples)
    .action((file: string, options: Options) => publish(file, options, terminal));
}

const examples = `
Examples:
  lapel publish lamp.suit --token-file author.token
  lapel publish lamp.suit --payload build/lamp-1.1.0.bin --server https://firmware.example`;

async function publish(file: string, options: Options, terminal: Terminal): Promise<void> {
  const { handler, token } = await accessServer(options);
  const { bytes: envelope, outline } = await readOutline(file);
  if (outline.envelope.blocks.length === 0) {
    const message = 'expected a signed envelope, found one without a signature';
    throw new CommandFailure(exitCodes.refused, `${message}; lapel sign ${file} --key KEY adds it`);
  }
  const places = options.payload ?? [dirname(file)];
  const payloads = await findAllPayloads(outline, places, shownOn(terminal));
  const shown = withProgress(payloads, terminal);
  const { digest, sent } = await publishRelease(handler, { envelope, payloads: shown, token });
  terminal.move('');
  if (options.json === true) {
    terminal.result(JSON.stringify({ digest, payloads: payloads.map((each) => each.digest), sent }));
    return;
  }
  if (terminal.quiet) {
    terminal.result(digest);
    return;
  }
  const told = [
    ['published', digest] as const,
    ...payloads.map(({ digest: payload, sizeBytes }) => {
      const how = sent.includes(payload) ? 'sent' : 'there already';
      return ['payload', `${payload}, ${sizeBytes} bytes, ${how}`] as const;
    }),
    ['server', options.server] as const,
  ];
  terminal.facts(told);
  terminal.note(`\nNext, by an operator: lapel release ${file} --token-file FILE`);
}

/** Draws how much of all payloads has been read to be sent. */
function withProgress(payloads: readonly Payload[], terminal: Terminal): readonly Payload[] {
  const total = payloads.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let sent = 0;
  return payloads.map(({ digest, sizeBytes, open }) => ({
    digest,
    sizeBytes,
    open: () =>
      watched(open(), (length) => {
        sent += length;
        terminal.move(progressLine(sent / total, `${sizeText(sent)} of ${sizeText(total)}`));
      }),
  }));
}

async function* watched(
  body: Body,
  seen: (length: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of body) {
    yield chunk;
    seen(chunk.length);
  }
}
