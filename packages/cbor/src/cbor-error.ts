/** The one error of this room: the bytes are not the CBOR that was expected, and where that was found. */

export class CborError extends Error {
  override readonly name = 'CborError';
  /** Byte offset in the outermost buffer; absent when writing. */
  readonly offset: number | undefined;

  constructor(message: string, offset?: number) {
    super(offset === undefined ? message : `${message} at byte ${offset}`);
    this.offset = offset;
  }
}

/**
 * A map holds a key that its rule does not name. Kept apart: to a reader of a newer draft this is not
 * malformed.
 */
export class UnknownKeyError extends CborError {
  readonly key: string | number;

  constructor(key: string | number, expected: string, offset: number) {
    super(`expected ${expected}, found unknown key ${typeof key === 'string' ? shown(key) : key}`, offset);
    this.key = key;
  }
}

const shownMax = 64;

/**
 * A text from outside, fit for a message: its beginning, quoted, without what could steer a terminal or
 * forge a line.
 */
export function shown(text: string): string {
  const beginning = text.length > shownMax ? `${text.slice(0, shownMax)}…` : text;
  return JSON.stringify(beginning).replace(/\p{C}/gu, '\ufffd');
}
