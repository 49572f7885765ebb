/**
 * Another crypto provider: a secure element that makes and keeps private keys. What it calls a private number
 * is a name for one; all else it leaves to the provider that it stands in for.
 */

import { hex } from '@lapel/cbor';
import type { KeyKind } from '../src/algorithms.ts';
import type { KeyNumbers, NativeKey } from '../src/crypto.ts';
import * as library from '../src/crypto.ts';

export * from '../src/crypto.ts';

/** Private keys by their names; they leave this file nowhere. */
const inside = new Map<string, NativeKey>();
/** Of each key that was handed out, only the public half is outside. */
const names = new WeakMap<NativeKey, Uint8Array>();

const nameBytes = 32;

export function generate(kind: KeyKind): NativeKey {
  const key = library.generate(kind);
  const numbers = library.exportKey(key);
  if (numbers === undefined) throw new TypeError(`expected a key of ${kind}, found another`);
  const name = library.randomBytes(nameBytes);
  inside.set(hex(name), key);
  return importKey({ ...numbers, d: name });
}

export function importKey({ d: name, ...numbers }: KeyNumbers): NativeKey {
  const key = library.importKey(numbers);
  if (name === undefined) return key;
  if (!inside.has(hex(name))) throw new RangeError('expected a key of this element, found another');
  names.set(key, name);
  return key;
}

export function exportKey(key: NativeKey): KeyNumbers | undefined {
  const [numbers, name] = [library.exportKey(key), names.get(key)];
  return numbers === undefined || name === undefined ? numbers : { ...numbers, d: name };
}

export function sign(kind: KeyKind, key: NativeKey, bytes: Uint8Array): Uint8Array {
  const secret = inside.get(hex(names.get(key) ?? new Uint8Array()));
  if (secret === undefined) throw new RangeError('expected a key of this element, found another');
  return library.sign(kind, secret, bytes);
}

/** The element is taken out, and a new one put in. */
export function replaceElement(): void {
  inside.clear();
}

/** Whether any key of this element has this private number. */
export const holds = (d: Uint8Array): boolean =>
  [...inside.values()].some((key) => hex(library.exportKey(key)?.d ?? new Uint8Array()) === hex(d));
