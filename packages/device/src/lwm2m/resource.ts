/** A resource of an object, and its values as LwM2M writes them: as text, bytes and TLV (Core §7.4). */

import { Problem } from '@lapel/transport';
import { integerFromTlv, integerToTlv } from './tlv.ts';

export type Type = 'string' | 'integer' | 'boolean' | 'opaque' | 'none';
export type Value = string | number | boolean;

export interface Resource {
  /** As the object's definition calls it. */
  readonly name: string;
  readonly type: Type;
  /** Several values where it is an array; undefined while there is none. */
  readonly read?: () => Value | readonly Value[] | undefined;
  readonly write?: (value: Value) => void;
  readonly execute?: () => void;
  /** Takes the bytes as they come, for what is too large to be read first. */
  readonly receive?: (chunks: AsyncIterable<Uint8Array>) => Promise<void>;
}

/** The only instance, 0, of an object. */
export interface ManagedObject {
  readonly id: number;
  readonly version: string;
  /** By identifier. */
  readonly resources: Readonly<Record<number, Resource>>;
  /** Resolves when a value may have changed; undefined where none ever does. */
  readonly changed?: (signal: AbortSignal) => Promise<void>;
}

const utf8 = new TextEncoder();

/** §7.4.1: a boolean is a digit. */
export const valueToText = (value: Value): Uint8Array =>
  utf8.encode(typeof value === 'boolean' ? (value ? '1' : '0') : String(value));

export function valueToTlv(value: Value): Uint8Array {
  if (typeof value === 'string') return utf8.encode(value);
  return typeof value === 'number' ? integerToTlv(value) : new Uint8Array([value ? 1 : 0]);
}

/** @throws {Problem} `bad-request` */
export function valueFromText(type: Type, bytes: Uint8Array): Value {
  const text = decoded(bytes);
  if (type === 'string') return text;
  if (type === 'integer' && /^-?[0-9]{1,15}$/.test(text)) return Number(text);
  if (type === 'boolean' && (text === '0' || text === '1')) return text === '1';
  throw refused(type);
}

/** @throws {Problem} `bad-request` */
export function valueFromTlv(type: Type, bytes: Uint8Array): Value {
  if (type === 'string') return decoded(bytes);
  if (type === 'integer') return integerFromTlv(bytes);
  const [byte = 2] = bytes;
  if (type === 'boolean' && bytes.length === 1 && byte < 2) return byte === 1;
  throw refused(type);
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Problem('bad-request', 'expected UTF-8, found other bytes', { cause: error });
  }
}

const refused = (type: Type) => new Problem('bad-request', `expected a value of type ${type}, found another`);
