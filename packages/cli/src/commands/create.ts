/** `lapel create`: a description and its images to an unsigned envelope; or a description to begin with. */

import { basename, dirname, join } from 'node:path';
import { hex } from '@lapel/cbor';
import type { FormattedPayload, Images, TemplateName } from '@lapel/author';
import {
  ImageError,
  buildEnvelope,
  descriptionSchema,
  fileImages,
  lineOfText,
  outlineEnvelope,
  parseDescription,
  startingDescription,
  templateNames,
  templateTells,
  usualAnswers,
} from '@lapel/author';
import { writeEnvelope } from '@lapel/suit';
import { systemClock } from '@lapel/transport';
import type { Command } from 'commander';
import { Option } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { readTextFile, replaceFile } from '../files.ts';
import { beginDescription } from '../first-description.ts';
import { shownOn } from '../reading-progress.ts';
import type { Terminal } from '../terminal.ts';
import { updateInWords } from '../update-in-words.ts';

interface Options {
  readonly out?: string;
  readonly template?: TemplateName;
  readonly schema?: boolean;
  readonly json?: boolean;
}

export function addTo(program: Command, terminal: Terminal): void {
  program
    .command('create')
    .description(
      'Makes an unsigned envelope from a description in YAML or JSON and the images that it names.',
    )
    .argument('[description]', 'the description; docs/authoring.md tells its keys')
    .option('-o, --out <file>', 'where to write the envelope (default: the description’s name with .suit)')
    .addOption(
      new Option('--template <name>', 'instead of an envelope, write a description to begin with').choices(
        templateNames,
      ),
    )
    .option('--schema', 'instead of an envelope, write the JSON Schema of descriptions, for editors')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', examples)
    .action((file: string | undefined, options: Options) => create(file, options, terminal));
}

const examples = `
Examples:
  lapel create --template single -o lamp.yaml
  lapel create lamp.yaml -o lamp.suit
  lapel sign lamp.suit --key author.pem

Templates:
${templateNames.map((name) => `  ${name.padEnd(16)} ${templateTells(name)}`).join('\n')}

A description:
  sequence: 2                    # must rise with every release; or: now
  vendor: lapel.example          # a domain, or a UUID
  class: lamp                    # a name within the vendor's, or a UUID
  component: main
  image: build/lamp-1.1.0.bin    # relative to the description
  version: 1.1.0
  bootable: true`;

async function create(file: string | undefined, options: Options, terminal: Terminal): Promise<void> {
  const { template, schema, out, json } = options;
  const asked = [file, template, schema].filter((each) => each !== undefined).length;
  if (asked !== 1 || file === undefined) {
    if (asked === 1) return begin(options, terminal);
    const found = asked === 0 ? 'none' : 'more than one';
    const message = `expected one of a description, --template and --schema, found ${found}`;
    throw new CommandFailure(exitCodes.usage, `${message}\n(see lapel create --help)`);
  }
  await createEnvelope(file, { ...(out === undefined ? {} : { out }), json: json === true }, terminal);
}

async function begin({ template, out, json }: Options, terminal: Terminal): Promise<void> {
  if (template === undefined) {
    const text = `${JSON.stringify(descriptionSchema(), null, 2)}\n`;
    if (out === undefined) return terminal.result(text.trimEnd());
    await replaceFile(out, new TextEncoder().encode(text));
    if (json === true) return terminal.result(JSON.stringify({ file: out }));
    if (!terminal.quiet) terminal.facts([['schema', out]]);
    return;
  }
  if (out === undefined && json !== true)
    return terminal.result(startingDescription(template, usualAnswers).trimEnd());
  if (out === undefined) {
    throw new CommandFailure(exitCodes.usage, 'expected --out FILE with --template and --json, found none');
  }
  await beginDescription({ template, answers: usualAnswers, out, json: json === true }, terminal);
}

interface MadeFile extends FormattedPayload {
  readonly file: string;
}

async function createEnvelope(
  file: string,
  { out, json }: { readonly out?: string; readonly json: boolean },
  terminal: Terminal,
): Promise<void> {
  const text = await readTextFile(file);
  const description = parseDescription(text, basename(file));
  const target = out ?? `${file.replace(/\.(ya?ml|json)$/i, '')}.suit`;
  if (target === file) {
    throw new CommandFailure(exitCodes.usage, `expected another --out than the description, found ${file}`);
  }
  const images = onTheirLines(requiringContent(fileImages(dirname(file), shownOn(terminal))), file, text);
  const made: MadeFile[] = [];
  // Beside the envelope, where `lapel publish` looks for it.
  const keep = async (payload: FormattedPayload): Promise<void> =>
    void made.push({ ...payload, file: join(dirname(target), payload.name) });
  const bytes = writeEnvelope(await buildEnvelope(description, { images, clock: systemClock, keep }));
  // Nothing is written before all of it is known to be right.
  for (const each of made) await replaceFile(each.file, each.content);
  await replaceFile(target, bytes);
  const outline = outlineEnvelope(bytes);
  if (json) {
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

/** What is wrong with an image is told with the line that names it. */
function onTheirLines(images: Images, file: string, text: string): Images {
  const located = async <T>(path: string, use: () => Promise<T>): Promise<T> => {
    try {
      return await use();
    } catch (error) {
      const line = error instanceof ImageError ? lineOfText(text, path) : undefined;
      if (!(error instanceof ImageError) || line === undefined) throw error;
      throw new ImageError(`${basename(file)}:${line}: ${error.message}`, { cause: error });
    }
  };
  return {
    measure: (path) => located(path, () => images.measure(path)),
    read: (path, limitBytes) => located(path, () => images.read(path, limitBytes)),
  };
}

/** A device can take an image of no bytes; a person who names one has a build that went wrong. */
const requiringContent = (images: Images): Images => ({
  ...images,
  async measure(path) {
    const figures = await images.measure(path);
    if (figures.sizeBytes > 0) return figures;
    throw new ImageError(`expected the image ${path} to hold something, found an empty file`);
  },
});
