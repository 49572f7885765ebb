/** What a device and its servers are given beforehand, so that they speak under OSCORE (RFC 8613 §3.2). */
import type { Infer } from '@lapel/cbor';
import { bytes, map, optional, required } from '@lapel/cbor';

/** RFC 8613 §3.3: the nonce of AES-CCM-16-64-128 leaves so much room for an identifier. */
const idBytesMax = 7;
const id = bytes(0, idBytesMax);

/** As the device has it: it sends under `sender`, and its servers under `recipient`. */
export const SharedSecret = map({
  secret: required(1, bytes(16, 64)),
  salt: optional(2, bytes(1, 64)),
  /** §3.1: tells contexts apart where senders alone do not. */
  idContext: optional(3, bytes(1, 64)),
  sender: required(4, id),
  recipient: required(5, id),
});
export type SharedSecret = Infer<typeof SharedSecret>;
