/**
 * RFC 8949 §8: diagnostic notation, for people. Byte strings that hold well-formed CBOR can be shown
 * opened, as `<<…>>`.
 */

import type { Item, ItemMap } from './item.ts';
import { Float, Simple, Tagged } from './item.ts';

/**
 * @param open whether a byte string is to be shown as the items it holds; it returns them, or undefined for
 * plain hex.
 */
export function diagnostic(item: Item, open: (bytes: Uint8Array) => Item = () => undefined): string {
  const show = (each: Item): string => diagnostic(each, open);
  if (item instanceof Uint8Array) {
    const inner = open(item);
    return inner === undefined ? `h'${hex(item)}'` : `<<${show(inner)}>>`;
  }
  if (typeof item === 'string') return JSON.stringify(item);
  if (item instanceof Tagged) return `${item.tag}(${show(item.content)})`;
  if (item instanceof Float) return floatText(item.value);
  if (item instanceof Simple) return `simple(${item.value})`;
  if (item instanceof Map) {
    return `{${[...(item as ItemMap)].map(([key, value]) => `${show(key)}: ${show(value)}`).join(', ')}}`;
  }
  if (typeof item === 'object' && item !== null) {
    return `[${(item as readonly Item[]).map(show).join(', ')}]`;
  }
  return String(item);
}

/** Lower-case hexadecimal. */
export function hex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

/** The bytes of a hexadecimal text, or undefined where it is none. */
export function unhex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return undefined;
  return Uint8Array.from({ length: text.length / 2 }, (_, index) =>
    Number.parseInt(text.slice(2 * index, 2 * index + 2), 16),
  );
}

function floatText(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const text = Object.is(value, -0) ? '-0' : String(value);
  if (/[.e]/.test(text)) return text.replace(/^(-?\d)e/, '$1.0e');
  return `${text}.0`;
}
