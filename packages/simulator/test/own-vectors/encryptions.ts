/** firmware-encryption-24: what is decrypted, and what nothing is stored of. */

import type { Item } from '@lapel/cbor';
import { Tagged, encode } from '@lapel/cbor';
import type { Sealed } from './encrypting.ts';
import { byAgreement, byKek, ciphers, ecdh, kek, otherKek, own, seal, secretOf } from './encrypting.ts';
import { compatible, component, firmware, forge, imageOf, map, set, utf8 } from './forge.ts';
import { command as c, parameter as p } from './numbers.ts';
import type { OwnVector } from './vector.ts';
import { accept, reject } from './vector.ts';

/** Written from the manifest into component 0, and compared. */
const written = (
  { info, ciphertext }: Sealed,
  more: readonly (readonly [Item, Item])[] = imageOf(firmware),
) =>
  forge({
    install: [
      ...set([p.content, ciphertext], [p.encryptionInfo, info], ...more),
      ...[c.write, 15, ...set(...imageOf(firmware)), c.imageMatch, 15],
    ],
  });

const where = 'http://example.com/ciphertext';
/** Fetched into component 1 and copied from there into component 0. */
function copied(
  { info, ciphertext }: Sealed,
  staged: readonly Item[] = [...set(...imageOf(ciphertext)), c.imageMatch, 15],
) {
  return forge({
    components: [component(0), component(1)],
    shared: [c.index, true, ...compatible],
    install: [
      ...[c.index, 1, ...set([p.uri, where]), c.fetch, 15, ...staged],
      ...[c.index, 0, ...set([p.source, 1], [p.encryptionInfo, info], ...imageOf(firmware)), c.copy, 15],
      ...[c.imageMatch, 15],
    ],
    validate: [c.index, 0, c.imageMatch, 15],
  });
}

const gcm = seal(ciphers.A128GCM, firmware, byKek(kek));
const ctr = seal(ciphers.A128CTR, firmware, byKek(kek));
const flip = (bytes: Uint8Array) => bytes.map((each, index) => (index === 0 ? each ^ 1 : each));
const flippedTag = { ...gcm, ciphertext: gcm.ciphertext.toReversed() };

export const payloads: ReadonlyMap<string, Uint8Array> = new Map([
  ['ciphertext.bin', gcm.ciphertext],
  ['ciphertext-flipped.bin', flip(gcm.ciphertext)],
]);
const from = (file: string) => ({ payloads: { [where]: file } });

export const encryptions: readonly OwnVector[] = [
  accept('run', 'X01-gcm', 'AES-GCM, its key wrapped', written(gcm)),
  accept('run', 'X02-ctr', 'AES-CTR, its key wrapped', written(ctr)),
  accept('run', 'X03-chacha', 'ChaCha20-Poly1305', written(seal(ciphers.ChaCha20, firmware, byKek(kek)))),
  accept('run', 'X04-gcm-256', 'AES-GCM with 256 bits', written(seal(ciphers.A256GCM, firmware, byKek(kek)))),
  accept(
    'run',
    'X05-agreement',
    'ECDH-ES and key wrap',
    written(seal(ciphers.A128GCM, firmware, byAgreement(own))),
  ),
  accept(
    'run',
    'X06-agreement-ctr',
    'ECDH-ES, key wrap and AES-CTR',
    written(seal(ciphers.A128CTR, firmware, byAgreement(own))),
  ),
  accept(
    'run',
    'X07-second-recipient',
    'the second of two recipients',
    written(seal(ciphers.A128GCM, firmware, byKek(otherKek), byKek(kek))),
  ),
  reject(
    'run',
    'X08-other-recipient',
    'for another device',
    written(seal(ciphers.A128GCM, firmware, byKek(otherKek))),
  ),
  reject(
    'run',
    'X09-other-agreement',
    'for another device, by ECDH-ES',
    written(seal(ciphers.A128GCM, firmware, byAgreement(ecdh('another device')))),
  ),
  reject(
    'run',
    'X10-other-context',
    'ECDH-ES for another protocol than SUIT',
    written(seal(ciphers.A128GCM, firmware, byAgreement(own, 'OTA Payload Encryption'))),
  ),
  reject('run', 'X11-no-recipient', 'for nobody', written(seal(ciphers.A128GCM, firmware))),
  reject(
    'run',
    'X12-flipped',
    'a ciphertext with one bit changed',
    written({ ...gcm, ciphertext: flip(gcm.ciphertext) }),
  ),
  reject('run', 'X13-tag', 'a ciphertext the wrong way round', written(flippedTag)),
  reject(
    'run',
    'X14-cut',
    'a ciphertext without its tag',
    written({ ...gcm, ciphertext: gcm.ciphertext.slice(0, -16) }),
  ),
  reject('run', 'X15-empty', 'a ciphertext of no bytes', written({ ...gcm, ciphertext: new Uint8Array() })),
  reject(
    'run',
    'X16-ctr-flipped',
    'CTR with one bit changed: its plaintext is another',
    written({ ...ctr, ciphertext: flip(ctr.ciphertext) }),
  ),
  reject('run', 'X17-ctr-unproved', 'CTR without a digest before it is decrypted', written(ctr, [])),
  accept('run', 'X18-gcm-tag-only', 'GCM, whose plaintext is compared behind it', written(gcm, [])),
  reject(
    'run',
    'X19-plaintext-other',
    'another plaintext than the digest’s',
    written(seal(ciphers.A128GCM, utf8('something else'), byKek(kek))),
  ),
  reject(
    'run',
    'X20-info-no-cose',
    'an encryption info that is none',
    written({ ...gcm, info: utf8('none') }),
  ),
  reject(
    'run',
    'X21-info-untagged',
    'an encryption info without its tag',
    written({ ...gcm, info: gcm.info.slice(2) }),
  ),
  reject(
    'run',
    'X22-info-attached',
    'an encryption info that holds the ciphertext',
    written({ ...gcm, info: attached(gcm) }),
  ),
  reject(
    'run',
    'X23-info-encrypt0',
    'a COSE_Encrypt0',
    written({
      ...gcm,
      info: encode(new Tagged(16, [encode(map([1, 1])), map([5, secretOf('vector', 12)]), null])),
    }),
  ),
  reject(
    'run',
    'X24-algorithm-unknown',
    'an algorithm that no profile has',
    written({ ...gcm, info: under(10) }),
  ),
  reject(
    'run',
    'X25-vector-long',
    'an initial vector of 16 bytes for GCM',
    written({ ...gcm, info: under(1, 16) }),
  ),
  accept('run', 'X26-copied', 'staged, compared, decrypted', copied(gcm), from('ciphertext.bin')),
  reject(
    'run',
    'X27-copied-flipped',
    'staged, and found to be another',
    copied(gcm),
    from('ciphertext-flipped.bin'),
  ),
  reject(
    'run',
    'X28-copied-uncompared',
    'its digest is known, and not compared before',
    copied(gcm, set(...imageOf(gcm.ciphertext))),
    from('ciphertext.bin'),
  ),
  accept(
    'run',
    'X29-copied-tag-only',
    'no digest of the ciphertext',
    copied(gcm, []),
    from('ciphertext.bin'),
  ),
  reject(
    'run',
    'X30-copied-tag-wrong',
    'no digest of the ciphertext, and another tag',
    copied(gcm, []),
    from('ciphertext-flipped.bin'),
  ),
  reject(
    'run',
    'X31-fetch-stays-encrypted',
    'encryption info does nothing for a fetch',
    fetched(),
    from('ciphertext.bin'),
  ),
];

function attached({ ciphertext }: Sealed): Uint8Array {
  const recipients = [byKek(kek)(secretOf('content aes-128-gcm'))];
  const header = encode(map([1, 1]));
  return encode(new Tagged(96, [header, map([5, secretOf('vector', 12)]), ciphertext, recipients]));
}

/** The same under another number, or with another initial vector. */
function under(code: number, ivBytes = 12): Uint8Array {
  const recipients = [byKek(kek)(secretOf('content aes-128-gcm'))];
  return encode(
    new Tagged(96, [encode(map([1, code])), map([5, secretOf('vector', ivBytes)]), null, recipients]),
  );
}

function fetched(): Uint8Array {
  const parameters = set([p.uri, where], [p.encryptionInfo, gcm.info], ...imageOf(firmware));
  return forge({ install: [...parameters, c.fetch, 15, c.imageMatch, 15] });
}
