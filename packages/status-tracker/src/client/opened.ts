/** What the tracker has answered, read or refused. */
import type { Schema } from '@lapel/cbor';
import { CborError, read } from '@lapel/cbor';
import type { VerificationKey } from '@lapel/cose';
import { CoseError, openSigned } from '@lapel/cose';
import { TransportError } from '@lapel/transport';

/** @throws {TransportError} `refused` where it is not the tracker's. */
export function payloadOf(encoded: Uint8Array, trackerKey: VerificationKey): Uint8Array {
  try {
    return openSigned(encoded, [trackerKey]).payload;
  } catch (error) {
    if (!(error instanceof CoseError)) throw error;
    throw new TransportError('refused', `receipt: ${error.message}`, { cause: error });
  }
}

/** @throws {TransportError} `malformed` */
export function parse<T>(schema: Schema<T>, encoded: Uint8Array, what: string): T {
  try {
    return read(schema, encoded);
  } catch (error) {
    if (!(error instanceof CborError)) throw error;
    throw new TransportError('malformed', `${what}: ${error.message}`, { cause: error });
  }
}
