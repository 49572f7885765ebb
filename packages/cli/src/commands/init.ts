/** `lapel init`: asks its way to a first description. What is said by an option is not asked. */

import { existsSync } from 'node:fs';
import type { StartingAnswers, TemplateName } from '@lapel/author';
import { nearest, templateNames, templateTells, usualAnswers } from '@lapel/author';
import type { Command } from 'commander';
import { Option } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { beginDescription } from '../first-description.ts';
import type { Person, Question } from '../questions.ts';
import { atTerminal } from '../questions.ts';
import type { Terminal } from '../terminal.ts';

interface Options {
  readonly template?: TemplateName;
  readonly vendor?: string;
  readonly class?: string;
  readonly component?: string;
  readonly image?: string;
  readonly imageVersion?: string;
  readonly out?: string;
  readonly json?: boolean;
}

export function addTo(program: Command, terminal: Terminal): void {
  program
    .command('init')
    .description(
      'Writes a first description of an update. Asks for what no option says; without a terminal, ' +
        '--vendor, --class and --image must say it.',
    )
    .addOption(new Option('--template <name>', 'the pattern of the update (single)').choices(templateNames))
    .option('--vendor <domain>', 'a domain of yours, or a UUID')
    .option('--class <name>', 'the name of a kind of device, or a UUID')
    .option('--component <name>', `what is updated, as the device knows it (${usualAnswers.component})`)
    .option('--image <file>', 'path of the image, relative to the description')
    .option('--image-version <version>', `version of the image, for people (${usualAnswers.version})`)
    .option('-o, --out <file>', 'where to write the description (default: the class’s name with .yaml)')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', examples)
    .action((options: Options) => init(options, terminal));
}

const examples = `
Examples:
  lapel init
  lapel init --vendor lapel.example --class lamp --image build/lamp.bin -o lamp.yaml`;

async function init(options: Options, terminal: Terminal): Promise<void> {
  const { stdin, stderr } = process;
  const isAsking = stdin.isTTY && stderr.isTTY;
  if (!isAsking) requireTold(options);
  // As if nobody had listened: whoever started the command sees that it was interrupted.
  const person = isAsking
    ? atTerminal({ input: stdin, output: stderr }, () => void process.kill(process.pid, 'SIGINT'))
    : nobody;
  try {
    const beginning = await askFor(options, person);
    person.leave();
    await beginDescription({ ...beginning, json: options.json === true }, terminal);
  } finally {
    person.leave();
  }
}

function requireTold(options: Options): void {
  const missing = (['vendor', 'class', 'image'] as const).filter((name) => options[name] === undefined);
  if (missing.length === 0) return;
  const flags = missing.map((name) => `--${name}`).join(', ');
  const message = `expected ${flags}, or a terminal to ask at, found neither`;
  throw new CommandFailure(exitCodes.usage, `${message}\n(see lapel init --help)`);
}

/** Where nobody can be asked, what is usual is taken. */
const nobody: Person = {
  ask: async ({ usual = '' }) => usual,
  leave: () => {},
};

async function askFor(
  told: Options,
  person: Person,
): Promise<{ readonly template: TemplateName; readonly answers: StartingAnswers; readonly out: string }> {
  const or = async (value: string | undefined, question: Question) => value ?? (await person.ask(question));
  const template = await or(told.template, templateQuestion);
  const vendor = await or(told.vendor, { asks: 'A domain of yours, or a UUID', refusal: noSpace });
  const deviceClass = await or(told.class, { asks: 'The kind of device, such as lamp' });
  const component = await or(told.component, {
    asks: 'The component that is updated, as the device knows it',
    usual: usualAnswers.component,
  });
  const name = deviceClass.replaceAll(/[^\w.-]+/g, '-');
  const image = await or(told.image, {
    asks: 'Path of the image, relative to the description',
    usual: `build/${name}.bin`,
  });
  const version = await or(told.imageVersion, { asks: 'Its version', usual: usualAnswers.version });
  const out = await or(told.out, {
    asks: 'Where to write the description',
    usual: `${name}.yaml`,
    refusal: there,
  });
  const answers = { vendor, class: deviceClass, component, image, version };
  return { template: templateNamed(template) ?? 'single', answers, out };
}

const templateNamed = (word: string) => templateNames.find((each) => each === word);

const patterns = templateNames.map((each) => `  ${each.padEnd(16)} ${templateTells(each)}\n`).join('');

const templateQuestion: Question = {
  before: patterns,
  asks: 'The pattern of the update',
  usual: 'single',
  refusal(answer) {
    if (templateNamed(answer) !== undefined) return undefined;
    const meant = nearest(answer, templateNames);
    const mend = meant === undefined ? '' : `; did you mean ${meant}?`;
    return `expected one of the patterns above, found ${answer}${mend}`;
  },
};

const there = (answer: string) =>
  existsSync(answer) ? `expected ${answer} not to exist yet, found it there` : undefined;

const noSpace = (answer: string) =>
  /\s/.test(answer) ? 'expected a domain such as example.com, or a UUID, found spaces in it' : undefined;
