/**
 * What the fetch arguments of a manifest say of a payload: how it is to be unpacked, and what for. Whatever
 * is not known here is refused before anything is fetched or written.
 */

import { CborError, read } from '@lapel/cbor';
import { PayloadFormat, SuitError } from '@lapel/suit';

/** What a difference was made against. */
export interface PrecursorFigures {
  /** SHA-256 over all of it. */
  readonly digest: Uint8Array;
  readonly sizeBytes: number;
}

/** `sizeBytes` is that of the payload, as it is fetched. */
export type Format =
  | { readonly name: 'raw'; readonly sizeBytes?: number }
  | { readonly name: 'compressed'; readonly sizeBytes: number }
  | { readonly name: 'delta'; readonly sizeBytes: number; readonly precursor: PrecursorFigures };

/**
 * @param fetchArguments as the manifest has them; without any, a payload is the image as it is
 * @throws {SuitError} where they ask for what this device cannot do
 */
export function readFormat(fetchArguments: Uint8Array | undefined): Format {
  if (fetchArguments === undefined) return { name: 'raw' };
  const { format: name, sizeBytes, precursor } = understood(fetchArguments);
  if ((name === 'delta') !== (precursor !== undefined)) {
    const expected = name === 'delta' ? 'a precursor with a delta' : 'no precursor without a delta';
    throw unsupported(`expected ${expected}, found ${name === 'delta' ? 'none' : 'one'}`);
  }
  if (precursor !== undefined) return { name: 'delta', sizeBytes, precursor };
  return { name: name === 'compressed' ? name : 'raw', sizeBytes };
}

function understood(fetchArguments: Uint8Array): PayloadFormat {
  try {
    return read(PayloadFormat, fetchArguments);
  } catch (error) {
    if (error instanceof CborError) throw unsupported(error.message, error);
    throw error;
  }
}

const unsupported = (message: string, cause?: CborError) =>
  new SuitError('run', 'parameter-unsupported', `fetch arguments: ${message}`, { cause });
