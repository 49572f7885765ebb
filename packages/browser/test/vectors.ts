/** The public vectors, where they are: read in place, never copied. */

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Attempt } from '@lapel/browser';
import { usualComponents } from '@lapel/author/simulate';

const root = resolve(process.env['LAPEL_VECTORS'] ?? join(import.meta.dirname, '../../../../shared/vectors'));

/** For a test's `skip`: why it cannot run, or false. */
export const missing: string | false = existsSync(root)
  ? false
  : 'the public vectors are not here: set LAPEL_VECTORS to their folder';

export const vectorPath = (origin: string, name: string): string => join(root, origin, name);
const bytesOf = (origin: string, name: string) => new Uint8Array(readFileSync(vectorPath(origin, name)));
const textOf = (origin: string, name: string) => readFileSync(vectorPath(origin, name), 'utf8');

export interface Vector {
  readonly file: string;
  readonly expect: 'accept' | 'accept-for-boot' | 'reject' | 'policy';
  readonly stage: 'parse' | 'auth' | 'setup' | 'run' | 'boot';
  readonly device?: { readonly components?: readonly string[] | Readonly<Record<string, unknown>> };
  readonly payloads?: Readonly<Record<string, string>>;
}

interface Index {
  readonly keys: { readonly hmac_hex: string };
  readonly device: object;
  readonly vectors: readonly Vector[];
}

const derived = 'derived-37';
const index: Index | undefined =
  missing === false ? (JSON.parse(textOf(derived, 'index.json')) as Index) : undefined;
export const derivedVectors: readonly Vector[] = index?.vectors ?? [];

/** As a person would give it to the page. */
export function attemptOn(
  { file, device = {}, payloads = {} }: Vector,
  procedure: Attempt['procedure'],
): Attempt {
  const own = device.components ?? [];
  const holding = Array.isArray(own) ? {} : own;
  const usual = Object.fromEntries([...usualComponents.keys()].map((name) => [name, { hex: '' }]));
  const booting = procedure === 'invocation' ? { '00': { file: 'fw.bin' } } : {};
  const components = { ...usual, ...booting, ...holding };
  const names = Object.values(components).flatMap((each) =>
    typeof each === 'string' ? [each] : ((each as { file?: string }).file ?? []),
  );
  return {
    envelope: bytesOf(derived, file),
    trust: [textOf('manifest-spec-37', 'private_key.b64'), index?.keys.hmac_hex ?? ''],
    device: JSON.stringify({ device: { ...index?.device, ...device, components }, payloads }),
    files: new Map([...names, ...Object.values(payloads)].map((name) => [name, bytesOf(derived, name)])),
    procedure,
    assumesPayloads: false,
    now: 0,
  };
}
