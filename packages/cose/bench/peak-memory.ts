/**
 * A process of its own: encrypts and decrypts so many MB (argument) of firmware in pieces, and prints the
 * most memory that it ever had, in KiB. What it has dropped is collected as it goes (`--expose-gc`): the
 * question is what is kept, not when the collector has time.
 */

import { decryptWith, encryptFor, wrappingKey } from '@lapel/cose';

const pieceBytes = 64 * 1024;
const piecesEach = 16;
const megabytes = Number(process.argv[2]);
const key = wrappingKey(new Uint8Array(16).fill(1), new TextEncoder().encode('lamp'));
const piece = new Uint8Array(pieceBytes).fill(0x5a);

const encryption = encryptFor([key], 'A128GCM');
const decryption = decryptWith(encryption.info, [key]);
for (let done = 0; done < megabytes; done++) {
  for (let each = 0; each < piecesEach; each++) decryption.update(encryption.update(piece));
  globalThis.gc?.();
}
decryption.update(encryption.finish());
decryption.finish();
console.log(process.resourceUsage().maxRSS);
