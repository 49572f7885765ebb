/**
 * What the status tracker answers, read with care: a server of another version must give a clear error,
 * not a crash.
 */

import { TransportError } from '@lapel/transport';

export type Fields = Readonly<Record<string, unknown>>;

/** @throws {TransportError} where it is no JSON object. */
export function fieldsOf(value: unknown): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw unexpected('an object', value);
}

/** @throws {TransportError} where it is no JSON array. */
export function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw unexpected('a list', value);
}

/** @throws {TransportError} where the field is no text. */
export function textIn(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value === 'string') return value;
  throw unexpected(`a text as ${name}`, value);
}

/** @throws {TransportError} where the field is no number. */
export function numberIn(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value === 'number') return value;
  throw unexpected(`a number as ${name}`, value);
}

/** A field that may be absent, as a cell of a table. */
export function cellIn(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

const unexpected = (expected: string, found: unknown) =>
  new TransportError('malformed', `expected ${expected} in the answer, found ${typeof found}`);
