/** What lets a device into a fleet, in files: certificates in PEM, and tokens in hexadecimal. */

import { X509Certificate } from 'node:crypto';
import { unhex } from '@lapel/cbor';
import { exitCodes } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';
import { readTextFile } from './files.ts';

/** As many as a registration carries, and as long as each may be there. */
const certificatesMax = 3;
const certificateBytesMax = 4096;
const tokenBytes = 32;

/** From one file or several, in their order. @throws {CommandFailure} */
export async function readChain(files: readonly string[]): Promise<readonly Uint8Array[]> {
  const chain: Uint8Array[] = [];
  for (const file of files) chain.push(...(await readCertificates(file)));
  if (chain.length <= certificatesMax) return chain;
  throw failed(`expected at most ${certificatesMax} certificates, found ${chain.length}`);
}

/** The one that is in a file. @throws {CommandFailure} */
export async function readOneCertificate(file: string): Promise<Uint8Array> {
  const [first, ...others] = await readCertificates(file);
  if (first !== undefined && others.length === 0) return first;
  throw failed(`expected one certificate in ${file}, found ${others.length + 1}`);
}

async function readCertificates(file: string): Promise<readonly Uint8Array[]> {
  const text = await readTextFile(file);
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw failed(`expected certificates in PEM in ${file}, found none`);
  return blocks.map((block) => derOf(block, file));
}

/** What is in it, servers judge. */
function derOf(block: string, file: string): Uint8Array {
  let der: Uint8Array;
  try {
    der = new Uint8Array(new X509Certificate(block).raw);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw failed(`expected a certificate in ${file}, found what is none`, error);
  }
  if (der.length <= certificateBytesMax) return der;
  throw failed(`expected a certificate of at most ${certificateBytesMax} bytes in ${file}, found more`);
}

/** @throws {CommandFailure} */
export async function readEnrolmentToken(file: string): Promise<Uint8Array> {
  const token = unhex((await readTextFile(file)).trim());
  if (token?.length === tokenBytes) return token;
  throw failed(`expected an enrolment token in ${file}, of ${2 * tokenBytes} digits, found something else`);
}

const failed = (message: string, cause?: unknown) => new CommandFailure(exitCodes.failed, message, { cause });
