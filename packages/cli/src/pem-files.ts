/** Certificates and their keys, from the files that options name; wrong ones are told at once. */

import { X509Certificate, createPrivateKey } from 'node:crypto';
import { exitCodes } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';
import { readTextFile } from './files.ts';

/** A certificate, and what stands behind it. @throws {CommandFailure} */
export async function readCertificates(file: string): Promise<string> {
  const pem = await readTextFile(file);
  certificateIn(pem, file);
  return pem;
}

export interface Shown {
  readonly cert: string;
  readonly key: string;
}

/** A certificate with the key that is its. @throws {CommandFailure} */
export async function readShown(certFile: string, keyFile: string): Promise<Shown> {
  const [cert, key] = [await readTextFile(certFile), await readTextFile(keyFile)];
  if (certificateIn(cert, certFile).checkPrivateKey(keyIn(key, keyFile))) return { cert, key };
  const expected = `expected ${keyFile} to be the key of ${certFile}, found another`;
  throw new CommandFailure(exitCodes.failed, expected);
}

function certificateIn(pem: string, file: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw unusable('a certificate in PEM', file, error);
  }
}

function keyIn(pem: string, file: string) {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw unusable('an unencrypted private key in PEM', file, error);
  }
}

const unusable = (expected: string, file: string, cause: unknown) =>
  new CommandFailure(exitCodes.failed, `expected ${expected} in ${file}, found another text`, { cause });
