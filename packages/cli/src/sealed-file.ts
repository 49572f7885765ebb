/** What every command has in common that makes another envelope out of one. */

import { exitCodes } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';

/** @throws {CommandFailure} where an envelope from stdin has nowhere to go. */
export function targetOf(file: string, out: string | undefined): string {
  const target = out ?? file;
  if (target !== '-') return target;
  throw new CommandFailure(exitCodes.usage, 'expected --out FILE for an envelope from stdin, found none');
}

export function envelopeFact(
  file: string,
  bytes: Uint8Array,
  signatures: number,
): readonly [name: string, value: string] {
  const counted = `${signatures} signature${signatures === 1 ? '' : 's'}`;
  return ['envelope', `${file}, ${bytes.length} bytes, ${counted}`];
}
