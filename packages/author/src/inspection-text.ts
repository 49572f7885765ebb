/** An inspection as lines of text: one part a line, indented below what it belongs to. */

import type { Part } from './inspection.ts';
import { printable } from './printable.ts';

/** How the pieces of a line are coloured; the plain one leaves them as they are. */
export interface Paint {
  name(text: string): string;
  number(text: string): string;
  error(text: string): string;
}

const plain: Paint = { name: (text) => text, number: (text) => text, error: (text) => text };

export function inspectionText(part: Part, paint: Paint = plain): string {
  const lines: string[] = [];
  addLines(lines, part, 0, paint);
  return lines.join('\n');
}

function addLines(lines: string[], part: Part, depth: number, paint: Paint): void {
  const { name, number, value, error, parts = [] } = part;
  const indent = '  '.repeat(depth);
  const code = number === undefined ? '' : paint.number(` (${number})`);
  const head = `${indent}${paint.name(printable(name))}${code}`;
  const [first, ...further] = value === undefined ? [] : valueLines(value);
  lines.push(first === undefined ? head : `${head}  ${first}`);
  for (const line of further) lines.push(`${indent}    ${line}`);
  for (const inner of parts) addLines(lines, inner, depth + 1, paint);
  if (error !== undefined) lines.push(`${indent}  ${paint.error(`error: ${printable(error)}`)}`);
}

const bytesShownMax = 40;

/** Long byte strings are cut, with their length told; a text of several lines keeps them. */
function valueLines(value: string): readonly string[] {
  const lines = textIn(value)?.split('\n') ?? [];
  if (lines.length > 1) return ['', ...lines.map(printable)];
  return [
    printable(value).replaceAll(/h'(?<digits>[0-9a-f]+)'/g, (whole: string, digits: string) =>
      digits.length > 2 * bytesShownMax
        ? `h'${digits.slice(0, bytesShownMax)}…' (${digits.length / 2} bytes)`
        : whole,
    ),
  ];
}

/** The text that a value in diagnostic notation is, where it is one. */
function textIn(value: string): string | undefined {
  if (!value.startsWith('"')) return undefined;
  try {
    const text: unknown = JSON.parse(value);
    return typeof text === 'string' ? text : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
