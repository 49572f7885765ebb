/** The passphrase of a key: from a file, or from a person at the terminal, where nothing is echoed. */

import { closeSync, openSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { exitCodes } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';
import { readBounded } from './files.ts';

const bytesMax = 1024;

/** @throws {CommandFailure} */
export const passphraseIn = async (file: string): Promise<string> => firstLineOf(file, 'a passphrase');

/** What a file keeps secret. @throws {CommandFailure} */
export async function firstLineOf(file: string, what: string): Promise<string> {
  const text = new TextDecoder().decode(await readBounded(file, bytesMax));
  const [line = ''] = text.split(/\r?\n/, 1);
  if (line !== '') return line;
  throw new CommandFailure(exitCodes.failed, `expected ${what} in ${file}, found an empty line`);
}

/** @throws {CommandFailure} where nobody is at a terminal, or gives up. */
export async function askPassphrase(file: string): Promise<string> {
  return ask(`passphrase of ${file}: `, `${file} is encrypted`);
}

/** Twice, for one that is new. */
export async function askNewPassphrase(file: string): Promise<string> {
  const first = await ask(`new passphrase for ${file}: `, 'a passphrase is wanted');
  if (first === '') throw failed('expected a passphrase, found nothing');
  if (first === (await ask('the same again: ', 'a passphrase is wanted'))) return first;
  throw failed('expected the same passphrase twice, found two');
}

const end = { enter: ['\r', '\n'], stop: ['\u0003', '\u0004'], back: ['\u007f', '\b'] } as const;

async function ask(question: string, why: string): Promise<string> {
  const terminal = openTerminal(why);
  process.stderr.write(question);
  terminal.setRawMode(true);
  let typed: string[] = [];
  try {
    for await (const chunk of terminal.setEncoding('utf8') as AsyncIterable<string>) {
      for (const key of chunk) {
        if (isOne(end.enter, key)) return typed.join('');
        if (isOne(end.stop, key)) throw failed('expected a passphrase, found Ctrl-C');
        typed = isOne(end.back, key) ? typed.slice(0, -1) : [...typed, key].slice(0, bytesMax);
      }
    }
    throw failed('expected a passphrase, found the terminal closed');
  } finally {
    terminal.setRawMode(false);
    terminal.destroy();
    process.stderr.write('\n');
  }
}

const isOne = (keys: readonly string[], key: string): boolean => keys.includes(key);

/** Its own, not stdin: an envelope may come from there. */
function openTerminal(why: string): ReadStream {
  let file: number | undefined;
  try {
    file = openSync(process.platform === 'win32' ? '\\\\.\\CON' : '/dev/tty', 'r+');
    return new ReadStream(file);
  } catch (error) {
    if (file !== undefined) closeSync(file);
    const message = `expected --passphrase-file FILE or a terminal to ask at, as ${why}, found neither`;
    throw new CommandFailure(exitCodes.failed, message, { cause: error });
  }
}

const failed = (message: string) => new CommandFailure(exitCodes.failed, message);
