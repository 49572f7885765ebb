/** An inspection as lines of text: one part a line, indented below what it belongs to. */

import type { Part } from './inspection.ts';

/** How the pieces of a line are coloured; the plain one leaves them as they are. */
export interface Paint {
  name(text: string): string;
  number(text: string): string;
  error(text: string): string;
}

const plain: Paint = { name: (text) => text, number: (text) => text, error: (text) => text };

export function inspectionText(part: Part, paint: Paint = plain): string {
  return linesOf(part, 0, paint).join('\n');
}

function linesOf(part: Part, depth: number, paint: Paint): readonly string[] {
  const { name, number, value, error, parts = [] } = part;
  const indent = '  '.repeat(depth);
  const code = number === undefined ? '' : paint.number(` (${number})`);
  const head = `${indent}${paint.name(printable(name))}${code}`;
  const [first, ...further] = value === undefined ? [] : valueLines(value);
  const lines = [first === undefined ? head : `${head}  ${first}`];
  for (const line of further) lines.push(`${indent}    ${line}`);
  for (const inner of parts) lines.push(...linesOf(inner, depth + 1, paint));
  if (error !== undefined) lines.push(`${indent}  ${paint.error(`error: ${printable(error)}`)}`);
  return lines;
}

const bytesShownMax = 40;

/** Long byte strings are cut, with their length told; a text of several lines keeps them. */
function valueLines(value: string): readonly string[] {
  if (value.startsWith('"') && value.includes('\\n')) {
    const text: unknown = JSON.parse(value);
    if (typeof text === 'string') return ['', ...text.split('\n').map(printable)];
  }
  return [
    printable(value).replaceAll(/h'(?<digits>[0-9a-f]+)'/g, (whole: string, digits: string) =>
      digits.length > 2 * bytesShownMax
        ? `h'${digits.slice(0, bytesShownMax)}…' (${digits.length / 2} bytes)`
        : whole,
    ),
  ];
}

/**
 * Control characters and changes of direction in a foreign text could steer or deceive the terminal it
 * is shown on.
 */
export const printable = (text: string): string =>
  text.replaceAll(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
