/** `lapel debug`: steps through the commands of an envelope on a described device, forwards and backwards. */

import { createInterface } from 'node:readline';
import type { Frame, Simulation } from '@lapel/author/simulate';
import { framesOf, momentsMax, simulate } from '@lapel/author/simulate';
import { printable } from '@lapel/author';
import type { Command } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import type { SituationOptions } from '../situation.ts';
import { readAttempt, withSituation } from '../situation.ts';
import type { Terminal } from '../terminal.ts';

interface Options extends SituationOptions {
  readonly json?: boolean;
}

export function addTo(program: Command, terminal: Terminal): void {
  withSituation(
    program
      .command('debug')
      .description(
        'Runs an envelope on a device that a JSON file describes, command by command, forwards and ' +
          'backwards. What to do is read from stdin.',
      ),
  )
    .option('--json', 'print all commands as JSON, and ask nothing')
    .addHelpText('after', `\n${keys}\n${examples}`)
    .action((file: string, options: Options) => debug(file, options, terminal));
}

const keys = `Type, and Enter:
  n [count]  forwards (Enter alone, too)    b [count]  backwards
  g number   to that command                l          list all commands
  p          parameters of the component    v          the verdict
  h          this help                      q          quit`;

const examples = `
Examples:
  lapel debug lamp.suit --device lamp.json --trust author.pub.pem
  printf 'n 4\\np\\n' | lapel debug lamp.suit --device lamp.json --trust author.pub.pem`;

async function debug(file: string, options: Options, terminal: Terminal): Promise<void> {
  if (file === '-' && options.json !== true) {
    const message = 'expected a file, found -: stdin is where the commands of the debugger come from';
    throw new CommandFailure(exitCodes.usage, message);
  }
  const { envelope, situation } = await readAttempt(file, options);
  const whole = simulate(envelope, situation, options.procedure);
  const frames = framesOf(whole, situation, options.procedure);
  const { accepted, stage, reason, detail } = whole;
  if (options.json === true) {
    const verdict = accepted ? 'accept' : 'reject';
    terminal.result(JSON.stringify({ verdict, stage, reason, detail, commands: frames }, null, 2));
    if (accepted) return;
  }
  if (frames.length === 0 || options.json === true) {
    throw new CommandFailure(
      exitCodes.refused,
      `${file}: rejected at stage ${stage}, reason ${reason}: ${detail}`,
    );
  }
  if (frames.length === momentsMax)
    terminal.note(`only the first ${momentsMax} commands can be stepped through`);
  const session: Session = { frames, whole, terminal };
  let at = 0;
  showFrame(frames[at], session);
  const prompt = () => {
    if (process.stdin.isTTY) process.stdout.write(terminal.paint('bold', `${at + 1}/${frames.length}> `));
  };
  prompt();
  const input = createInterface({ input: process.stdin });
  for await (const line of input) {
    const next = obey(line, at, session);
    if (next === undefined) break;
    at = next;
    prompt();
  }
  input.close();
  // A terminal, or a pipe that stays open, would keep the process waiting for more.
  process.stdin.destroy();
}

interface Session {
  readonly frames: readonly Frame[];
  readonly whole: Simulation;
  readonly terminal: Terminal;
}

/** Where the session goes to; undefined is its end. */
function obey(line: string, at: number, session: Session): number | undefined {
  const { frames, whole, terminal } = session;
  const { word = '', number } = /^\s*(?<word>[a-z]*)\s*(?<number>\d{0,6})\s*$/.exec(line)?.groups ?? {
    word: '?',
  };
  const count = Number(number === '' || number === undefined ? 1 : number);
  const go = (to: number): number => {
    const found = Math.min(frames.length - 1, Math.max(0, to));
    if (found !== to) terminal.note(`that is ${found === 0 ? 'the first' : 'the last'} command`);
    showFrame(frames[found], session);
    return found;
  };
  switch (word) {
    case '':
    case 'n':
      return go(at + count);
    case 'b':
      return go(at - count);
    case 'g':
      return go(count - 1);
    case 'l':
      for (const frame of frames) terminal.result(frameLine(frame, frame.number === at + 1, terminal));
      return at;
    case 'p':
      showParameters(frames[at], terminal);
      return at;
    case 'v':
      terminal.result(verdictText(whole));
      return at;
    case 'h':
      terminal.result(keys);
      return at;
    case 'q':
      return undefined;
    default:
      terminal.note(`expected n, b, g, l, p, v, h or q, found ${printable(line.slice(0, 40))}`);
      return at;
  }
}

function showFrame(frame: Frame | undefined, { frames, whole, terminal }: Session): void {
  if (frame === undefined) return;
  terminal.result(frameLine(frame, false, terminal));
  showParameters(frame, terminal);
  for (const each of frame.says) terminal.result(`  ${printable(each)}`);
  if (frame.number === frames.length) terminal.result(verdictText(whole));
}

function frameLine(
  { number, section, offset, command, component, depth }: Frame,
  isHere: boolean,
  terminal: Terminal,
) {
  const { paint } = terminal;
  const mark = isHere ? '>' : ' ';
  const place = paint('dim', `${section}, byte ${offset}`);
  const name = `${'  '.repeat(depth)}${paint('cyan', command)}`;
  return `${mark}${String(number).padStart(3)}  ${name} on ${component}  ${place}`;
}

function showParameters(frame: Frame | undefined, terminal: Terminal): void {
  const parameters = frame?.parameters ?? [];
  if (parameters.length === 0) return;
  terminal.facts(parameters.map(({ name, value, error }) => [`      ${name}`, value ?? error ?? '']));
}

const verdictText = ({ accepted, stage, reason, detail }: Simulation): string =>
  accepted ? 'accept' : `reject at ${stage}, ${reason}: ${detail}`;
