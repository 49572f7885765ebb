/**
 * A message of a line as bytes: one CBOR array, `[version, number, type, body]`. Version and number come
 * first in every version, so that who speaks another one can be told so.
 */

import type { Infer, Schema } from '@lapel/cbor';
import { CborError, Reader, Writer, major, uint } from '@lapel/cbor';

/** The messages of one direction, by name. */
export type Table = Readonly<Record<string, { readonly type: number; readonly body: Schema<unknown> }>>;

export type MessageOf<T extends Table> = {
  readonly [N in keyof T]: { readonly name: N } & Infer<T[N]['body']>;
}[keyof T];

/** A message with its number; none where it is of another version, which only has that number for us. */
export interface Numbered<M> {
  readonly version: number;
  readonly number: number;
  readonly message: M | undefined;
}

export function encodeMessage(
  version: number,
  table: Table,
  number: number,
  message: { readonly name: string },
): Uint8Array {
  const { name, ...body } = message;
  const entry = table[name];
  if (entry === undefined) throw new CborError(`expected a message of the table, found ${name}`);
  const writer = new Writer();
  writer.head(major.array, 4);
  for (const each of [version, number, entry.type]) uint.write(writer, each);
  entry.body.write(writer, body);
  return writer.finish();
}

/** Undefined where it is no message at all. */
export function decodeMessage<M extends { readonly name: string }>(
  expected: number,
  table: Table,
  bytes: Uint8Array,
): Numbered<M> | undefined {
  try {
    const reader = new Reader(bytes);
    const count = reader.array();
    const [version, number] = [reader.uint(), reader.uint()];
    if (version !== expected) return { version, number, message: undefined };
    if (count !== 4) return undefined;
    const type = reader.uint();
    const found = Object.entries(table).find(([, each]) => each.type === type);
    if (found === undefined) return undefined;
    const [name, { body }] = found;
    const message = { name, ...(body.read(reader) as object) } as M;
    reader.finish();
    return { version, number, message };
  } catch (error) {
    if (error instanceof CborError) return undefined;
    throw error;
  }
}
