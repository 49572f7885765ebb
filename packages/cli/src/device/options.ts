/** Options that several commands about a device in a file have. */

import { Option } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { readBounded } from '../files.ts';

/** As many as a device has components, and some more: whoever gives more is told so. */
const filesMax = 16;

export const severalFiles = (flags: string, description: string): Option =>
  repeated(flags, description).makeOptionMandatory();

export function repeated(flags: string, description: string): Option {
  return new Option(flags, description).argParser((file, before: readonly string[] | undefined) => {
    const files = [...(before ?? []), file];
    if (files.length > filesMax)
      throw usage(`expected ${flags} at most ${filesMax} times, found it more often`);
    return files;
  });
}

export const counterOption = (description: string): Option => new Option('--counter <file>', description);

/** The largest flash that is made here holds no more. */
const imageBytesMax = 16 * 1024 * 1024;

export const readImages = (files: readonly string[]): Promise<readonly Uint8Array[]> =>
  Promise.all(files.map((file) => readBounded(file, imageBytesMax)));

export const usage = (message: string) => new CommandFailure(exitCodes.usage, message);
