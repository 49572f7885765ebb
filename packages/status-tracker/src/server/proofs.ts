/**
 * Who signed what devices say: proved here, where a message is answered, or in a thread of its own
 * (`thread/proofs-in-thread.ts`), so that a fleet that reports all at once holds up no poll.
 */
import { openSigned } from '@lapel/cose';
import { deviceKey } from './device-key.ts';

export interface Proofs {
  /**
   * @param key an encoded COSE_Key.
   * @throws {CoseError} where it is no key, or did not sign this COSE_Sign1.
   */
  prove(signed: Uint8Array, key: Uint8Array): Promise<void>;
}

/** @throws {CoseError} */
export const proveNow = (signed: Uint8Array, key: Uint8Array): void =>
  void openSigned(signed, [deviceKey(key)]);

export const provedHere: Proofs = { prove: async (signed, key) => proveNow(signed, key) };
