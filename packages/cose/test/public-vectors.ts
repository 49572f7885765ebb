/** The public vectors, where they are at hand. They are read from their folder and never copied here. */

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(process.env['LAPEL_VECTORS'] ?? join(import.meta.dirname, '../../../../shared/vectors'));

/** Why a test that needs them is skipped, or false. */
export const missing = existsSync(root) ? false : 'the public vectors are not here: set LAPEL_VECTORS';

export const vectorPath = (...path: readonly string[]): string => join(root, ...path);
export const vectorBytes = (...path: readonly string[]): Uint8Array =>
  new Uint8Array(readFileSync(vectorPath(...path)));

export const vector = <T>(...path: readonly string[]): T =>
  JSON.parse(readFileSync(vectorPath(...path), 'utf8')) as T;
