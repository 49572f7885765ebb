/** Members of a JSON text from outside, each read as what it must be, or refused with the place. */

import { unhex } from '@lapel/cbor';

/** The text is not what it must be; `message` says where. */
export class MemberError extends Error {
  override readonly name = 'MemberError';
}

/** @throws {MemberError} as all below. */
export function members(value: unknown, where: string): ReadonlyMap<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw expected('an object', value, where);
  }
  return new Map(Object.entries(value));
}

export function textOf(value: unknown, where: string): string {
  if (typeof value === 'string') return value;
  throw expected('a text', value, where);
}

export function integer(value: unknown, where: string): number {
  if (Number.isSafeInteger(value)) return value as number;
  throw expected('an integer', value, where);
}

export function integers(value: unknown, where: string): readonly number[] {
  if (!Array.isArray(value)) throw expected('a list of integers', value, where);
  return value.map((each: unknown) => integer(each, where));
}

export function yesOrNo(value: unknown, where: string): boolean {
  if (typeof value === 'boolean') return value;
  throw expected('true or false', value, where);
}

/** Also as a UUID is written. */
export function hexBytes(value: unknown, where: string): Uint8Array {
  const bytes = unhex(textOf(value, where).replaceAll('-', ''));
  if (bytes !== undefined) return bytes;
  throw expected('bytes in hex', value, where);
}

export function oneOf<const T extends string>(all: readonly T[], value: unknown, where: string): T {
  const found = all.find((each) => each === value);
  if (found !== undefined) return found;
  throw expected(`one of ${all.join(', ')}`, value, where);
}

export const expected = (what: string, value: unknown, where: string): MemberError =>
  new MemberError(`expected ${what} in ${where}, found ${JSON.stringify(value) ?? 'nothing'}`);
