/**
 * Keys that a person names on the command line: in PEM, encrypted or not, as a COSE_Key, or hash-based with
 * a ledger beside it. A mistake is told with the name of its file.
 */

import { readTrustAnchor } from '@lapel/author/simulate';
import type { MacKey, SigningKey, VerificationKey, WrappingKey } from '@lapel/cose';
import { CoseError, decodeKey, isEncryptedPem, readKeyPem } from '@lapel/cose';
import { exitCodes } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';
import { readBounded } from './files.ts';
import type { Watching } from './hash-based-key.ts';
import { isHashBased, readHashBasedKey } from './hash-based-key.ts';
import { askPassphrase } from './passphrase.ts';

const keyBytesMax = 256 * 1024;

export interface KeyReading extends Watching {
  /** Of a key that is encrypted; asked on the terminal, where absent. */
  readonly passphrase?: (file: string) => Promise<string>;
  /** How text is read that is neither encrypted nor hash-based; as PEM, where absent. */
  readonly text?: (text: string) => AnyKey;
}

export type AnyKey = SigningKey | VerificationKey | MacKey | WrappingKey;

/** @throws {CommandFailure}, {CoseError} where it is none that is spoken here. */
export async function readSigningKey(file: string, reading?: KeyReading): Promise<SigningKey> {
  const key = await readKey(file, reading);
  if (key.use === 'sign') return key;
  throw anotherKey('a private key', file, key);
}

/** The public half, where the file holds a private key. */
export async function readVerificationKey(file: string): Promise<VerificationKey> {
  const key = await readKey(file);
  if (key.use === 'sign') return key.public;
  if (key.use === 'verify') return key;
  throw anotherKey('a public key', file, key);
}

export async function readMacKey(file: string): Promise<MacKey> {
  const key = await readKey(file);
  if (key.use === 'mac') return key;
  throw anotherKey('a secret for HMAC 256/256', file, key);
}

/** What an authentication block may be checked with; it may be in bare base64 or hex, too. */
export async function readAnchorKey(file: string): Promise<VerificationKey | MacKey> {
  const key = await readKey(file, { text: (text) => readTrustAnchor(text).key });
  if (key.use === 'sign') return key.public;
  if (key.use !== 'wrap') return key;
  throw anotherKey('a key to check manifests with', file, key);
}

export async function readKey(file: string, reading: KeyReading = {}): Promise<AnyKey> {
  const bytes = await readBounded(file, keyBytesMax);
  if (bytes.length === 0) throw failed(`expected a key in ${file}, found an empty file`);
  try {
    return isMap(bytes) ? decodeKey(bytes) : await readText(file, new TextDecoder().decode(bytes), reading);
  } catch (error) {
    if (!(error instanceof CoseError) || error.message.startsWith(`${file}: `)) throw error;
    throw new CoseError(error.kind, `${file}: ${error.message}`, { cause: error });
  }
}

/** A COSE_Key begins with the head of a map, which no text in ASCII does. */
const isMap = (bytes: Uint8Array): boolean => (bytes[0] ?? 0) >> 5 === 5;

async function readText(file: string, text: string, reading: KeyReading): Promise<AnyKey> {
  if (isHashBased(text)) return readHashBasedKey(file, text, reading);
  if (!isEncryptedPem(text)) return (reading.text ?? readKeyPem)(text);
  return readKeyPem(text, await (reading.passphrase ?? askPassphrase)(file));
}

const kinds: Readonly<Record<AnyKey['use'], string>> = {
  sign: 'a private one',
  verify: 'a public one',
  mac: 'a secret for HMAC 256/256',
  wrap: 'a secret for key wrap',
};

const anotherKey = (expected: string, file: string, { use }: AnyKey) =>
  failed(`expected ${expected} in ${file}, found ${kinds[use]}`);

const failed = (message: string) => new CommandFailure(exitCodes.failed, message);
