/**
 * Payloads that only some devices can read (RFC 9124 §4.3.12). The keys are the application's: what runs in
 * place lies there in plain, and the bootloader needs no secret.
 */

import type { DecryptionKey } from '@lapel/suit';
import { decrypting } from '@lapel/suit';
import { decryptingBytes, decryptingSink } from '../payload/decrypt.ts';
import type { Memory } from '../storage/arena.ts';
import type { Decrypt } from '../storage/installer.ts';

export const decryptionWith =
  (keys: readonly DecryptionKey[], { arena }: Memory): Decrypt =>
  (encryption) => {
    const running = decrypting(encryption, keys);
    arena.take(decryptingBytes, 'decryption');
    return (output) => decryptingSink(running, output);
  };
