/**
 * What is in a backup, as CBOR, one record behind the other: when it was made, each table with its rows, each
 * file with its pieces, and at the end how many there were. How they lie in a file is in archive.ts.
 */

import type { Infer, Schema } from '@lapel/cbor';
import {
  array,
  bytes,
  exactly,
  major,
  map,
  named,
  optional,
  raw,
  required,
  text,
  tuple,
  uint,
} from '@lapel/cbor';
import type { SqlValue } from '@lapel/status-tracker/whole';

/** Rows and pieces are gathered until there are about so many bytes. */
export const recordBytes = 1024 * 1024;
/** A single row may be larger; the largest that a tracker writes is far below. */
export const recordBytesMax = 16 * recordBytes;
export const rowsMax = 500;

/** What stands in one column of one row. */
const Cell: Schema<SqlValue> = {
  read(r) {
    const kind = r.peek();
    if (kind === major.bstr) return r.bstr().slice();
    if (kind === major.tstr) return r.tstr();
    if (kind === major.uint || kind === major.nint) return r.int();
    return r.null();
  },
  write(w, value) {
    if (value === null) w.null();
    else if (typeof value === 'string') w.tstr(value);
    else if (typeof value === 'number') w.int(value);
    else w.bstr(value);
  },
};

const columnsMax = 64;
export const KeptRow = array(Cell, { max: columnsMax });

const Column = tuple(text(64), named('type of a column', { text: 1, integer: 2, blob: 3 }));
const Count = tuple(text(64), uint);
const tablesMax = 64;

/** Each has one of these. */
export const KeptRecord = map({
  begins: optional(1, map({ version: required(1, exactly(1)), createdMs: required(2, uint) })),
  table: optional(
    2,
    map({ name: required(1, text(64)), columns: required(2, array(Column, { min: 1, max: columnsMax })) }),
  ),
  /** Of the table before them, each as it is encoded. */
  rows: optional(3, array(raw, { min: 1, max: rowsMax })),
  /** Its path in the folder, and its size. */
  file: optional(4, map({ path: required(1, text(512)), sizeBytes: required(2, uint) })),
  /** Of the file before it. */
  piece: optional(5, bytes(1, recordBytesMax)),
  ends: optional(6, map({ rows: required(1, array(Count, { max: tablesMax })), files: required(2, uint) })),
});
export type KeptRecord = Infer<typeof KeptRecord>;
