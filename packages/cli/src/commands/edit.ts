/**
 * `lapel sever`, `add-payload` and `add-dependency`: what may be done to an envelope after it was signed,
 * since no signature covers it.
 */

import { hex } from '@lapel/cbor';
import type { Integrated } from '@lapel/author';
import { addDependency, addPayload, outlineEnvelope, severEnvelope } from '@lapel/author';
import type { SeverableName } from '@lapel/suit';
import { server, severableNames } from '@lapel/suit';
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { readBounded, readEnvelopeFile, replaceFile } from '../files.ts';
import { envelopeFact, targetOf } from '../sealed-file.ts';
import type { Terminal } from '../terminal.ts';

interface Options {
  readonly out?: string;
  readonly json?: boolean;
}

type Fact = readonly [name: string, value: string];

export function addSever(program: Command, terminal: Terminal): void {
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
    .addHelpText('after', severExamples)
    .action(async (file: string, options: Options & { readonly element?: readonly SeverableName[] }) => {
      const before = await readEnvelopeFile(file);
      const { bytes, names } = severEnvelope(before, options.element);
      const saved = before.length - bytes.length;
      const told: readonly Fact[] = [['cut off', `${names.join(', ')}: ${saved} bytes`]];
      await tell(targetOf(file, options.out), bytes, { severed: names }, told, options, terminal);
    });
}

const severExamples = `
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

export function addAddPayload(program: Command, terminal: Terminal): void {
  integrating(
    program
      .command('add-payload')
      .description(
        "Puts a file into an envelope, under a URI such as '#firmware' that its manifest fetches. " +
          'Signatures stay good; devices hold it against the digest in the manifest.',
      ),
    'the payload',
    addPayload,
    terminal,
  );
}

export function addAddDependency(program: Command, terminal: Terminal): void {
  integrating(
    program
      .command('add-dependency')
      .description(
        "Puts a signed envelope into another one, under a URI such as '#radio' that its manifest fetches. " +
          'The manifest must have dependencies, and name this one by digest.',
      ),
    'the envelope of the dependency',
    addDependency,
    terminal,
  );
}

type Integrate = (bytes: Uint8Array, added: { uri: string; content: Uint8Array }) => Integrated;

function integrating(command: Command, what: string, integrate: Integrate, terminal: Terminal): void {
  edited(
    command
      .argument('<envelope>', 'the envelope, or - for stdin')
      .argument('<file>', what)
      .requiredOption('--uri <uri>', "what the manifest calls it, such as '#firmware'"),
  ).action(async (file: string, added: string, options: Options & { readonly uri: string }) => {
    const target = targetOf(file, options.out);
    const content = await readBounded(added, server.envelopeBytes);
    const { uri } = options;
    const { bytes, isNamed } = integrate(await readEnvelopeFile(file), { uri, content });
    const told: readonly Fact[] = [['added', `${uri}: ${added}, ${content.length} bytes`]];
    await tell(target, bytes, { added: uri, isNamed }, told, options, terminal);
    if (!isNamed)
      terminal.note(`The manifest has no digest of ${added}: right only where it is packed or encrypted.`);
  });
}

const edited = (command: Command): Command =>
  command
    .option('-o, --out <file>', 'where to write it (default: in place)')
    .option('--json', 'print the result as JSON');

async function tell(
  file: string,
  bytes: Uint8Array,
  found: object,
  told: readonly Fact[],
  { json }: Options,
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
