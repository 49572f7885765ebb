/**
 * A secret that two share: an author and one device, with which the keys of payloads are wrapped; or two
 * neighbours on the way of messages, such as a gateway and its server.
 */

import { existsSync } from 'node:fs';
import { hex } from '@lapel/cbor';
import type { WrapAlgorithm } from '@lapel/cose';
import {
  encodeMacKey,
  encodeWrappingKey,
  generateMacKey,
  generateWrappingKey,
  wrapAlgorithms,
} from '@lapel/cose';
import { systemRandom } from '@lapel/transport';
import { exitCodes } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';
import { writeNewFile } from './files.ts';
import { generateSharedSecret, oscoreText } from './oscore-file.ts';
import type { Terminal } from './terminal.ts';

export const mac = 'HMAC-256';
const channel = 'OSCORE';
/** What a secret is for: key wrap, the MAC of manifests, or messages between two. */
export const secrets = [...(Object.keys(wrapAlgorithms) as readonly WrapAlgorithm[]), mac, channel] as const;
export type SecretAlgorithm = (typeof secrets)[number];

/** A COSE_Key, as a device keeps it; for OSCORE what `device make --oscore` makes for a device. */
export async function generateSecret(
  file: string,
  algorithm: SecretAlgorithm,
  json: boolean,
  terminal: Terminal,
): Promise<void> {
  requireNew(file);
  if (algorithm === channel) return generateChannel(file, json, terminal);
  const { encoded, kid } = algorithm === mac ? newMacKey() : newWrappingKey(algorithm);
  await writeNewFile(file, encoded, 0o600);
  if (json) terminal.result(JSON.stringify({ secret: file, algorithm, kid }));
  else if (terminal.quiet) terminal.result(kid);
  else {
    terminal.facts([
      [
        'secret key',
        `${file}  (for one device, and for whoever ${algorithm === mac ? 'vouches to' : 'encrypts for'} it)`,
      ],
      ['algorithm', algorithm],
      ['key id', kid],
    ]);
  }
}

async function generateChannel(file: string, json: boolean, terminal: Terminal): Promise<void> {
  await writeNewFile(file, oscoreText(generateSharedSecret(systemRandom)), 0o600);
  if (json) terminal.result(JSON.stringify({ secret: file, algorithm: channel }));
  else if (terminal.quiet) terminal.result(file);
  else {
    terminal.facts([
      [
        'shared secret',
        `${file}  (for one who asks, such as a gateway, and for the one server that it asks)`,
      ],
      ['algorithm', channel],
    ]);
  }
}

function newMacKey() {
  const key = generateMacKey();
  return { encoded: encodeMacKey(key), kid: hex(key.kid ?? new Uint8Array()) };
}

function newWrappingKey(algorithm: WrapAlgorithm) {
  const key = generateWrappingKey(algorithm);
  return { encoded: encodeWrappingKey(key), kid: hex(key.kid ?? new Uint8Array()) };
}

/** A key is never overwritten. @throws {CommandFailure} */
export function requireNew(...files: readonly string[]): void {
  const found = files.find((file) => existsSync(file));
  if (found === undefined) return;
  const message = `expected ${found} not to exist yet, found it: a key is never overwritten`;
  throw new CommandFailure(exitCodes.conflict, message);
}
