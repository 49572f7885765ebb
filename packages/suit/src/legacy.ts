/**
 * Older numberings of the manifest. Drafts before -28 gave the same integers other meanings (9 was
 * *install*, now it is *invoke*), so an old manifest is named and refused, never run (trap 4 of the
 * numbering history).
 */

import { major, Reader } from '@lapel/cbor';

/** What is known of these keys of a manifest, for the refusal: a numbering of the past, or nothing. */
export function legacyNumbering(manifest: Uint8Array): string | undefined {
  const keys = integerKeys(manifest);
  const has = (...wanted: readonly number[]) => wanted.some((key) => keys.has(key));
  if (has(10, 11, 12, 13)) return 'the numbering of drafts -04 to -16, where 9 was install and 10 validate';
  if (has(17)) return 'the numbering of drafts -17 to -27, where 17 was install';
  return undefined;
}

/** What is known of a beginning that is not tag 107. */
export function legacyEnvelope(bytes: Uint8Array): string | undefined {
  if (bytes[0] === 0xd8 && bytes[1] === 48) return 'tag 48, as drafts -09 to -13 used it';
  if (isUntagged(bytes)) return 'an untagged map, as drafts up to -08, RIOT and TEEP use it';
  return undefined;
}

export const isUntagged = ([first]: Uint8Array): boolean => first !== undefined && first >> 5 === major.map;

/** Bounded by the manifest itself; a key that is no integer ends the look. */
function integerKeys(manifest: Uint8Array): ReadonlySet<number> {
  const reader = new Reader(manifest);
  const keys = new Set<number>();
  for (let left = reader.map(); left > 0 && reader.peek() <= major.nint; left--) {
    keys.add(Number(reader.integer()));
    reader.skip();
  }
  return keys;
}
