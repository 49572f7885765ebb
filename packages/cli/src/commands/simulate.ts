/** `lapel simulate`: what a manifest would do to a device that is described. */

import type {
  ComponentInWords,
  Cut,
  HeldInWords,
  Simulation,
  Situation,
  StepInWords,
} from '@lapel/author/simulate';
import { componentsInWords, cutPower, simulate, stepsInWords, traceOf } from '@lapel/author/simulate';
import { printable } from '@lapel/author';
import { hex } from '@lapel/cbor';
import type { Command } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import type { SituationOptions } from '../situation.ts';
import { readAttempt, withSituation } from '../situation.ts';
import type { Terminal } from '../terminal.ts';

interface Options extends SituationOptions {
  readonly powercut?: boolean;
  readonly json?: boolean;
}

export function addTo(program: Command, terminal: Terminal): void {
  withSituation(
    program
      .command('simulate')
      .description(
        'Runs an envelope on a device that a JSON file describes: each step, and what is left. ' +
          'Exit code 0 only where the device accepts it. A step is one command of the manifest, such as a ' +
          'whole swap; npm run powercut cuts the power of whole devices at every flash operation.',
      ),
  )
    .option('--powercut', 'cut the power at every step, start again, and tell what is left')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', examples)
    .action((file: string, options: Options) => trySimulating(file, options, terminal));
}

const examples = `
A device, described: one that is empty; one that has an image, and takes none older:
  {"vendor": "lapel.example", "class": "lamp", "components": {"main": ""}}
  {"vendor": "lapel.example", "class": "lamp", "components": {"main": "lamp-1.0.0.bin"}, "sequence": 1}

Examples:
  lapel simulate lamp.suit --device lamp.json --trust author.pub.pem
  lapel simulate lamp.suit --device lamp.json --trust author.pub.pem --powercut --json
  lapel simulate lamp.suit --device lamp.json --trust author.pub.pem --payload https://a.example/fw=fw.bin`;

async function trySimulating(file: string, options: Options, terminal: Terminal): Promise<void> {
  const { envelope, situation } = await readAttempt(file, options);
  const { procedure } = options;
  const { whole, cuts } =
    options.powercut === true
      ? cutPower(envelope, situation, procedure)
      : { whole: simulate(envelope, situation, procedure), cuts: undefined };
  const told = tell(whole, situation, procedure, cuts);
  if (options.json === true) terminal.result(JSON.stringify(told, null, 2));
  else if (!terminal.quiet) show(told, terminal);
  const { verdict, stage, reason, detail, powercut } = told;
  if (verdict === 'reject') {
    throw new CommandFailure(
      exitCodes.refused,
      `${file}: rejected at stage ${stage}, reason ${reason}: ${detail}`,
    );
  }
  if (powercut !== undefined && powercut.neither > 0) {
    const found = `neither after ${powercut.neither} of ${powercut.cuts.length}`;
    throw new CommandFailure(
      exitCodes.refused,
      `expected the old or the new state after every cut, found ${found}`,
    );
  }
}

/** As a script reads it. */
type Told = ReturnType<typeof tell>;

function tell(
  whole: Simulation,
  situation: Situation,
  procedure: Options['procedure'],
  cuts: readonly Cut[] | undefined,
) {
  const { accepted, stage, reason, detail, authentic } = whole;
  const steps = stepsInWords(whole, traceOf(whole, situation, procedure));
  return {
    verdict: accepted ? ('accept' as const) : ('reject' as const),
    stage,
    reason,
    detail,
    procedure,
    ...(authentic === undefined
      ? {}
      : { manifest: hex(authentic.digest.bytes), sequence: authentic.manifest.sequenceNumber }),
    steps,
    fetches: steps.flatMap(({ uri }) => (uri === undefined ? [] : [uri])),
    components: componentsInWords(whole),
    ...(cuts === undefined ? {} : { powercut: counted(cuts) }),
  };
}

function counted(cuts: readonly Cut[]) {
  const ending = (how: Cut['ends']) => cuts.filter(({ ends }) => ends === how).length;
  return { old: ending('old'), new: ending('new'), neither: ending('neither'), cuts };
}

function show({ verdict, stage, reason, steps, components, powercut }: Told, terminal: Terminal): void {
  const { paint } = terminal;
  let section = '';
  for (const step of steps) {
    if (step.section !== undefined && step.section !== section) terminal.result(paint('bold', step.section));
    section = step.section ?? section;
    terminal.result(stepLine(step, terminal));
  }
  terminal.result(`${steps.length === 0 ? '' : '\n'}${paint('bold', 'components')}`);
  terminal.facts(components.map((each) => [`  ${each.component}`, componentText(each)]));
  if (powercut !== undefined) showCuts(powercut, terminal);
  const accepted = verdict === 'accept';
  const text = accepted ? 'accept' : `reject at ${stage}, ${reason}`;
  terminal.result(`\n${paint('bold', 'verdict')}  ${paint(accepted ? 'green' : 'red', text)}`);
}

function stepLine({ step, says, ok }: StepInWords, { paint, wrap }: Terminal): string {
  const number = paint('dim', String(step).padStart(3));
  const text = wrap(printable(says), 5);
  return `${number}  ${ok ? text : paint('red', text)}`;
}

function componentText({ before, after, changed }: ComponentInWords): string {
  return changed ? `${heldText(after)}, was ${heldText(before)}` : `${heldText(after)}, unchanged`;
}

const heldText = ({ bytes, digest }: HeldInWords): string => {
  if (bytes === 0) return 'empty';
  const size = bytes === undefined ? 'an image' : `${bytes} bytes`;
  return `${size}, sha-256 ${digest ?? ''}`;
};

function showCuts(powercut: NonNullable<Told['powercut']>, terminal: Terminal): void {
  const { paint } = terminal;
  terminal.result(`\n${paint('bold', 'power cut, then a restart')}`);
  const rows = powercut.cuts.map(({ step, when, left, ends, detail }) => [
    `  ${when} step ${step}`,
    left,
    ends,
    detail,
  ]);
  terminal.table(['  when', 'left', 'ends as', 'because'], rows);
}
