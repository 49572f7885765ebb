/** What a server needs for TLS, from the files that its options name; wrong ones are told at once. */

import { X509Certificate, createPrivateKey } from 'node:crypto';
import type { ServeTls } from '@lapel/transport';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { readTextFile } from '../files.ts';

export interface TlsOptions {
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly clientCa: string | undefined;
}

/** @throws {CommandFailure} */
export async function readServeTls({ tlsCert, tlsKey, clientCa }: TlsOptions): Promise<ServeTls | undefined> {
  if (tlsCert === undefined && tlsKey === undefined && clientCa === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    const found = 'only a part of them';
    throw new CommandFailure(exitCodes.usage, `expected --tls-cert and --tls-key, found ${found}`);
  }
  const [cert, key] = [await readTextFile(tlsCert), await readTextFile(tlsKey)];
  const certificate = readCertificate(cert, tlsCert);
  if (!certificate.checkPrivateKey(readKey(key, tlsKey)))
    throw new CommandFailure(
      exitCodes.failed,
      `expected ${tlsKey} to be the key of ${tlsCert}, found another`,
    );
  if (clientCa === undefined) return { cert, key };
  const authority = await readTextFile(clientCa);
  readCertificate(authority, clientCa);
  return { cert, key, clientCa: authority };
}

function readCertificate(pem: string, file: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw unusable('a certificate in PEM', file, error);
  }
}

function readKey(pem: string, file: string) {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw unusable('an unencrypted private key in PEM', file, error);
  }
}

const unusable = (expected: string, file: string, cause: unknown) =>
  new CommandFailure(exitCodes.failed, `expected ${expected} in ${file}, found another text`, { cause });
