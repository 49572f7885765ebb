/** What `lapel sever`, `add-payload` and `add-dependency` share: no signature covers what they change. */

import { hex } from '@lapel/cbor';
import type { Integrated } from '@lapel/author';
import { outlineEnvelope } from '@lapel/author';
import type { Command } from 'commander';
import { readOutline } from './envelope-file.ts';
import { replaceFile } from './files.ts';
import { envelopeFact, targetOf } from './sealed-file.ts';
import type { Terminal } from './terminal.ts';

export interface EditOptions {
  readonly out?: string;
  readonly json?: boolean;
}

type Fact = readonly [name: string, value: string];

export const edited = (command: Command): Command =>
  command
    .option('-o, --out <file>', 'where to write it (default: in place)')
    .option('--json', 'print the result as JSON');

interface Addition {
  readonly what: string;
  readonly read: (file: string) => Promise<Uint8Array>;
  readonly integrate: (bytes: Uint8Array, added: { uri: string; content: Uint8Array }) => Integrated;
}

export function integrating(
  command: Command,
  { what, read, integrate }: Addition,
  terminal: Terminal,
): Command {
  return edited(
    command
      .argument('<envelope>', 'the envelope, or - for stdin')
      .argument('<file>', what)
      .requiredOption('--uri <uri>', "what the manifest calls it, such as '#firmware'"),
  ).action(async (file: string, added: string, options: EditOptions & { readonly uri: string }) => {
    const target = targetOf(file, options.out);
    const content = await read(added);
    const { uri } = options;
    const { bytes, isNamed } = integrate((await readOutline(file)).bytes, { uri, content });
    const told: readonly Fact[] = [['added', `${uri}: ${added}, ${content.length} bytes`]];
    await writeEdited(target, bytes, { added: uri, isNamed }, told, options, terminal);
    if (!isNamed)
      terminal.note(`The manifest has no digest of ${added}: right only where it is packed or encrypted.`);
  });
}

export async function writeEdited(
  file: string,
  bytes: Uint8Array,
  found: object,
  told: readonly Fact[],
  { json }: EditOptions,
  terminal: Terminal,
): Promise<void> {
  await replaceFile(file, bytes);
  const { digest, envelope } = outlineEnvelope(bytes);
  const sum = hex(digest.bytes);
  if (json === true) terminal.result(JSON.stringify({ file, bytes: bytes.length, digest: sum, ...found }));
  else if (terminal.quiet) terminal.result(sum);
  else {
    terminal.facts([
      ...told,
      ['manifest', `${digest.algorithm} ${sum}, as it was`],
      envelopeFact(file, bytes, envelope.blocks.length),
    ]);
  }
}
