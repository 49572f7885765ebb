/** `lapel create`: a description and its images to an unsigned envelope. */

import { basename, dirname, join } from 'node:path';
import { hex } from '@lapel/cbor';
import type { FormattedPayload } from '@lapel/author';
import { buildEnvelope, fileImages, outlineEnvelope, parseDescription } from '@lapel/author';
import { writeEnvelope } from '@lapel/suit';
import { systemClock } from '@lapel/transport';
import type { Command } from 'commander';
import { replaceFile, readTextFile } from '../files.ts';
import type { Terminal } from '../terminal.ts';
import { updateInWords } from '../update-in-words.ts';

interface Options {
  readonly out?: string;
  readonly json?: boolean;
}

export function addCreate(program: Command, terminal: Terminal): void {
  program
    .command('create')
    .description(
      'Makes an unsigned envelope from a description in YAML or JSON and the images that it names.',
    )
    .argument('<description>', 'the description; docs/authoring.md tells its keys')
    .option('-o, --out <file>', 'where to write the envelope (default: the description’s name with .suit)')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', examples)
    .action((file: string, options: Options) => create(file, options, terminal));
}

const examples = `
Examples:
  lapel create lamp.yaml -o lamp.suit
  lapel sign lamp.suit --key author.pem

A description:
  sequence: 2                    # must rise with every release; or: now
  vendor: lapel.example          # a domain, or a UUID
  class: lamp                    # a name within the vendor's, or a UUID
  component: main
  image: build/lamp-1.1.0.bin    # relative to the description
  version: 1.1.0
  bootable: true`;

interface MadeFile extends FormattedPayload {
  readonly file: string;
}

async function create(file: string, { out, json }: Options, terminal: Terminal): Promise<void> {
  const description = parseDescription(await readTextFile(file), basename(file));
  const images = fileImages(dirname(file));
  const target = out ?? `${file.replace(/\.(ya?ml|json)$/i, '')}.suit`;
  const made: MadeFile[] = [];
  const keep = async (payload: FormattedPayload): Promise<void> => {
    // Beside the envelope, where `lapel publish` looks for it.
    const path = join(dirname(target), payload.name);
    await replaceFile(path, payload.content);
    made.push({ ...payload, file: path });
  };
  const bytes = writeEnvelope(await buildEnvelope(description, { images, clock: systemClock, keep }));
  await replaceFile(target, bytes);
  const outline = outlineEnvelope(bytes);
  if (json === true) {
    const { digest, payloads, manifest } = outline;
    const envelope = {
      file: target,
      bytes: bytes.length,
      digest: hex(digest.bytes),
      sequence: manifest.sequenceNumber,
    };
    const files = made.map((each) => ({ file: each.file, digest: hex(each.digest) }));
    terminal.result(
      JSON.stringify({ ...envelope, payloads, ...(files.length === 0 ? {} : { made: files }) }),
    );
    return;
  }
  if (terminal.quiet) {
    terminal.result(hex(outline.digest.bytes));
    return;
  }
  const told = [['envelope', `${target}, ${bytes.length} bytes, not signed yet`] as const];
  const packed = made.map(({ file: path, content, imageBytes }) => {
    const share =
      imageBytes === 0 ? '' : `, ${Math.round((100 * content.length) / imageBytes)} % of the image`;
    return ['payload', `${path}, ${content.length} bytes${share}`] as const;
  });
  terminal.facts([...told, ...packed, ...updateInWords(outline)]);
  terminal.note(`\nNext: lapel sign ${target} --key KEY`);
}
