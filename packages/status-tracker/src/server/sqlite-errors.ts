/** What SQLite's errors mean to whoever asked. */
import { Problem } from '@lapel/transport';
import { diskFull, elsewhere, movedMark } from './sql.ts';

/** Of result codes (https://www.sqlite.org/rescode.html), the first byte says what kind they are of. */
const kinds = { busy: 5, io: 10, full: 13 };

/** Another process has the file. */
export const isBusy = (error: unknown): boolean =>
  error instanceof Error &&
  'errcode' in error &&
  typeof error.errcode === 'number' &&
  (error.errcode & 0xff) === kinds.busy;

export function told(error: unknown): unknown {
  const errcode = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
  if (!(error instanceof Error) || typeof errcode !== 'number') return error;
  const kind = errcode & 0xff;
  if (kind === kinds.full) return new Problem(...diskFull, { cause: error });
  // A disk that is full as the log's index grows tells it so; others are a disk's that does not answer.
  if (kind === kinds.io) {
    const found = `an I/O error (${errcode})`;
    return new Problem('unavailable', `expected the disk to take what is written, found ${found}`, {
      cause: error,
    });
  }
  if (error.message.includes(movedMark)) return elsewhere(error);
  if (!isBusy(error)) return error;
  const found = 'another process at work in it';
  return new Problem('unavailable', `expected the database to be free, found ${found}`, { cause: error });
}
