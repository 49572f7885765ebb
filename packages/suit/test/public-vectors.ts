/** The public vectors, where they are: read in place, never copied. */

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { SigningKey, VerificationKey } from '@lapel/cose';
import { readKeyPem } from '@lapel/cose';

const root = resolve(process.env['LAPEL_VECTORS'] ?? join(import.meta.dirname, '../../../../shared/vectors'));

/** For a test's `skip`: why it cannot run, or false. */
export const missing: string | false = existsSync(root)
  ? false
  : 'the public vectors are not here: set LAPEL_VECTORS to their folder';

export const vectorPath = (...parts: readonly string[]): string => join(root, ...parts);
export const vectorBytes = (...parts: readonly string[]): Uint8Array =>
  new Uint8Array(readFileSync(vectorPath(...parts)));

/** The key that signs the examples of Appendix B. */
export function exampleKey(): { readonly private: SigningKey; readonly public: VerificationKey } {
  const base64 = readFileSync(vectorPath('manifest-spec-37', 'private_key.b64'), 'utf8').trim();
  const key = readKeyPem(`-----BEGIN PRIVATE KEY-----\n${base64}\n-----END PRIVATE KEY-----\n`);
  if (key.use !== 'sign') throw new Error('expected a private key');
  return { private: key, public: key.public };
}

export interface Vector {
  readonly file: string;
  readonly expect: 'accept' | 'accept-for-boot' | 'reject' | 'policy';
  readonly stage: 'parse' | 'auth' | 'setup' | 'run' | 'boot';
  readonly why: string;
  readonly payloads?: Readonly<Record<string, string>>;
  readonly device?: { readonly sequence?: number };
}

export interface VectorIndex {
  readonly keys: { readonly hmac_hex: string };
  readonly device: { readonly vendor: string; readonly class: string; readonly sequence: number };
  readonly vectors: readonly Vector[];
}

export const vectorIndex = (): VectorIndex =>
  JSON.parse(readFileSync(vectorPath('derived-37', 'index.json'), 'utf8')) as VectorIndex;
