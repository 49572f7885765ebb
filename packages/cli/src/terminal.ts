/**
 * What a person sees: results on stdout, everything else on stderr. Colour and motion only where a terminal
 * shows them, and never against NO_COLOR; a line fits the width there, and is whole in a pipe.
 */

import { stripVTControlCharacters, styleText } from 'node:util';
import { printable } from '@lapel/author/printable';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

export interface Terminal {
  /** Whether only errors and what was asked for are written. */
  quiet: boolean;
  /** Whether stderr can show motion. */
  readonly moving: boolean;
  /** What the command was run for. */
  result(text: string): void;
  /** A result that is names and values below each other. */
  facts(pairs: readonly (readonly [name: string, value: string])[], widthMin?: number): void;
  /** A result that is rows below headings. */
  table(headings: readonly string[], rows: readonly (readonly string[])[]): void;
  /** What is good to know beside it. */
  note(text: string): void;
  error(text: string): void;
  /** A line that is for programs, on stderr. */
  log(line: string): void;
  /** A text that goes on below itself, this far to the right, where the terminal is too narrow for it. */
  wrap(text: string, indent: number): string;
  /** Replaces the line that is moving; an empty text ends it. */
  move(text: string): void;
  paint(style: Style, text: string): string;
}

type Stream = Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns'>;

export interface TerminalOptions {
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export function createTerminal({ stdout, stderr, environment }: TerminalOptions): Terminal {
  const width = widthOf(stdout, environment);
  const plain = (environment['NO_COLOR'] ?? '') !== '' || environment['TERM'] === 'dumb';
  const moving = stderr.isTTY && environment['TERM'] !== 'dumb';
  let line = '';
  const clear = (): void => {
    if (line !== '') stderr.write('\r\u001b[2K');
    line = '';
  };
  const write = (stream: Stream, text: string): void => {
    clear();
    stream.write(`${text}\n`);
  };
  const paint = (style: Style, text: string) => painted(stdout.isTTY && !plain, style, text);
  const terminal: Terminal = {
    quiet: false,
    moving,
    paint,
    result: (text) => write(stdout, text),
    facts: (pairs, widthMin = 0) =>
      write(
        stdout,
        factLines(pairs, { widthMin, width }, (name) => paint('dim', name)),
      ),
    table(headings, rows) {
      const [head = '', ...lines] = tableLines(headings, rows, width);
      write(stdout, [paint('bold', head), ...lines].join('\n'));
    },
    note(text) {
      if (!terminal.quiet) write(stderr, text);
    },
    wrap: (text, indent) => wrapped(text, width - indent).join(`\n${' '.repeat(indent)}`),
    log: (line) => write(stderr, line),
    error: (text) => write(stderr, `${painted(stderr.isTTY && !plain, 'red', 'lapel:')} ${text}`),
    move(text) {
      clear();
      if (!moving || terminal.quiet) return;
      line = clip(text, stderr.columns - 1);
      stderr.write(line);
    },
  };
  return terminal;
}

/** A bar, the share in percent, and a label. */
export function progressLine(share: number, label: string): string {
  const cells = 24;
  const full = Math.round(Math.min(1, Math.max(0, share)) * cells);
  const percent = String(Math.floor(share * 100)).padStart(3);
  return `${'█'.repeat(full)}${'░'.repeat(cells - full)} ${percent} %  ${label}`;
}

const painted = (coloured: boolean, style: Style, text: string): string =>
  coloured ? styleText(style, text, { validateStream: false }) : text;

/** In a pipe lines are as long as they are. A person may say so: COLUMNS. */
function widthOf({ isTTY, columns }: Stream, environment: TerminalOptions['environment']): number {
  if (!isTTY) return Infinity;
  const told = Number(environment['COLUMNS']);
  return Number.isSafeInteger(told) && told > 0 ? told : columns;
}

interface Widths {
  /** Of the names: for pairs that go on below others. */
  readonly widthMin: number;
  /** Of a line. */
  readonly width: number;
}

/** A value that is too long goes on below itself. */
function factLines(
  pairs: readonly (readonly [string, string])[],
  { widthMin, width }: Widths,
  paint: (name: string) => string,
): string {
  const indent = Math.max(widthMin, ...pairs.map(([name]) => name.length)) + 2;
  const line = ([name, value]: readonly [string, string]) => {
    const lines = wrapped(printable(value), width - indent).join(`\n${' '.repeat(indent)}`);
    return `${paint(name.padEnd(indent - 2))}  ${lines}`;
  };
  return pairs.map(line).join('\n');
}

/** Between words only: who copies a digest wants it whole. */
function wrapped(text: string, width: number): readonly string[] {
  if (text.length <= width || width < columnMin) return [text];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/(?<= )/)) {
    if (line !== '' && line.length + word.trimEnd().length > width) {
      lines.push(line.trimEnd());
      line = '';
    }
    line += word;
  }
  return [...lines, line];
}

/** Narrower than this nothing can be read. */
const columnMin = 8;

/** Columns as wide as their longest cell. Where a row is too wide, the widest column gives way. */
function tableLines(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  width: number,
): readonly string[] {
  const cells = [headings, ...rows].map((row) => row.map(printable));
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const gaps = 2 * (headings.length - 1);
  for (let over = widths.reduce((sum, each) => sum + each, gaps) - width; over > 0; over--) {
    const widest = widths.indexOf(Math.max(...widths));
    if ((widths[widest] ?? 0) <= columnMin) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  const inColumn = (cell: string, column: number) => {
    const room = widths[column] ?? 0;
    return clip(cell, room).padEnd(room);
  };
  return cells.map((row) => row.map(inColumn).join('  ').trimEnd());
}

function clip(text: string, width: number): string {
  const shown = stripVTControlCharacters(text);
  return shown.length <= width ? text : `${shown.slice(0, Math.max(0, width - 1))}…`;
}
