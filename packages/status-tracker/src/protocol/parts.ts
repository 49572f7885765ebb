/** What several messages of the protocol are made of. */
import { CborError, bytes, converted, exactly, required, text } from '@lapel/cbor';

export const protocolVersion = 1;

export const version = required(1, exactly(protocolVersion));
export const identifier = bytes(16);
export const nonce = bytes(16);
export const sha256 = bytes(32);

/** Names that are safe in a path, a file name and a terminal. */
export const DeviceId = converted(
  text(64),
  (id) => {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(id))
      throw new CborError(`expected a device id, found ${JSON.stringify(id)}`);
    return id;
  },
  (id) => id,
);
