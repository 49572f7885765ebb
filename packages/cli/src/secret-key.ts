/** A secret that an author and one device share: with it the keys of payloads are wrapped. */

import { existsSync } from 'node:fs';
import { hex } from '@lapel/cbor';
import type { WrapAlgorithm } from '@lapel/cose';
import { encodeWrappingKey, generateWrappingKey, wrapAlgorithms } from '@lapel/cose';
import { exitCodes } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';
import { writeNewFile } from './files.ts';
import type { Terminal } from './terminal.ts';

export const wraps = Object.keys(wrapAlgorithms) as readonly WrapAlgorithm[];

/** A COSE_Key, as a device keeps it. */
export async function generateSecret(
  file: string,
  algorithm: WrapAlgorithm,
  json: boolean,
  terminal: Terminal,
): Promise<void> {
  requireNew(file);
  const key = generateWrappingKey(algorithm);
  const kid = hex(key.kid ?? new Uint8Array());
  await writeNewFile(file, encodeWrappingKey(key), 0o600);
  if (json) terminal.result(JSON.stringify({ secret: file, algorithm, kid }));
  else if (terminal.quiet) terminal.result(kid);
  else {
    terminal.facts([
      ['secret key', `${file}  (for one device, and for whoever encrypts for it)`],
      ['algorithm', algorithm],
      ['key id', kid],
    ]);
  }
}

/** A key is never overwritten. @throws {CommandFailure} */
export function requireNew(...files: readonly string[]): void {
  const found = files.find((file) => existsSync(file));
  if (found === undefined) return;
  const message = `expected ${found} not to exist yet, found it: a key is never overwritten`;
  throw new CommandFailure(exitCodes.conflict, message);
}
