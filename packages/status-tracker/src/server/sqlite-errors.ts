/** What SQLite's errors mean to whoever asked. */
import { Problem } from '@lapel/transport';
import { diskFull, elsewhere, movedMark } from './sql.ts';

/** Of result codes (https://www.sqlite.org/rescode.html), the first byte says what kind they are of. */
const kinds = { busy: 5, full: 13 };

export function told(error: unknown): unknown {
  const errcode = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
  if (!(error instanceof Error) || typeof errcode !== 'number') return error;
  const kind = errcode & 0xff;
  if (kind === kinds.full) return new Problem(...diskFull, { cause: error });
  if (error.message.includes(movedMark)) return elsewhere(error);
  if (kind !== kinds.busy) return error;
  const found = 'another process at work in it';
  return new Problem('unavailable', `expected the database to be free, found ${found}`, { cause: error });
}
