/** Annotated lines as a terminal shows them: offsets, the bytes where they are wanted, and the notation. */

import type { AnnotatedLine } from '@lapel/author';
import { printable } from '@lapel/author';
import { hex } from '@lapel/cbor';
import type { Style, Terminal } from './terminal.ts';

const bytesPerRow = 16;
/** Bytes that belong together have one colour, by the depth at which they stand. */
const colours: readonly Style[] = ['cyan', 'green', 'yellow'];

export function annotatedText(
  lines: readonly AnnotatedLine[],
  withBytes: boolean,
  { paint }: Pick<Terminal, 'paint'>,
): string {
  const rows = lines.flatMap((line) => {
    const { offset, bytes, depth, notation, error } = line;
    const text = `${'  '.repeat(depth)}${printable(notation)}`;
    const meaning = error === true ? paint('red', text) : noted(text, paint);
    // What only closes has no bytes of its own.
    const place = paint('dim', bytes.length === 0 ? ' '.repeat(6) : String(offset).padStart(6));
    if (!withBytes) return [`${place}  ${meaning}`];
    const colour: Style = error === true ? 'red' : (colours[depth % colours.length] ?? 'cyan');
    return hexRows(bytes).map((row, index) => {
      const digits = paint(colour, row.padEnd(3 * bytesPerRow - 1));
      const at = index === 0 ? place : paint('dim', String(offset + index * bytesPerRow).padStart(6));
      return `${at}  ${digits}  ${index === 0 ? meaning : ''}`.trimEnd();
    });
  });
  return rows.join('\n');
}

/** Comments recede. */
const noted = (text: string, paint: Terminal['paint']): string =>
  text.replaceAll(/(?<=^\s*|\()\/ [^/]+ \//g, (comment) => paint('dim', comment));

function hexRows(bytes: Uint8Array): readonly string[] {
  const rows: string[] = [];
  for (let at = 0; at < Math.max(1, bytes.length); at += bytesPerRow) {
    rows.push(hex(bytes.subarray(at, at + bytesPerRow)).replaceAll(/..(?=.)/g, '$& '));
  }
  return rows;
}
