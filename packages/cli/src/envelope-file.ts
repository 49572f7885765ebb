/** An envelope in a file: read, taken apart, and what is wrong with it told with its name. */

import { CborError } from '@lapel/cbor';
import type { Outline } from '@lapel/author';
import { outlineEnvelope } from '@lapel/author';
import { SuitError } from '@lapel/suit';
import { exitCodes } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';
import { refusalText } from './failure-of.ts';
import { readEnvelopeFile } from './files.ts';

export interface OutlinedFile {
  readonly bytes: Uint8Array;
  readonly outline: Outline;
}

/** @throws {CommandFailure} where it holds no envelope, or one whose digests are not its own. */
export async function readOutline(file: string): Promise<OutlinedFile> {
  const bytes = await readEnvelopeFile(file);
  return { bytes, outline: inFile(file, () => outlineEnvelope(bytes)) };
}

/** Says in which file it is that something is refused. */
export function inFile<T>(file: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    if (!(error instanceof SuitError) && !(error instanceof CborError)) throw error;
    const name = file === '-' ? 'stdin' : file;
    throw new CommandFailure(exitCodes.refused, `${name}: ${refusalText(error)}`, { cause: error });
  }
}
