/** What can be wrong with who signed an envelope, and how. */

import type { Item } from '@lapel/cbor';
import { Tagged, encode } from '@lapel/cbor';
import { joined } from '@lapel/cose';
import {
  authenticated,
  digestOf,
  envelopeOf,
  forge,
  manifestOf,
  map,
  served,
  signed,
  utf8,
  wrapper,
} from './forge.ts';
import type { OwnVector } from './vector.ts';
import { accept, reject } from './vector.ts';

const sound = forge({});
const manifest = manifestOf({});
const [auth, named] = [encode(wrapper(manifest)), encode(digestOf(encode(manifest)))];
const bytes = (...each: readonly number[]) => Uint8Array.from(each);

/** The wrapper's digest under another algorithm number, or of another kind. */
function withDigest(digest: Item): Uint8Array {
  const encoded = encode(digest);
  return envelopeOf([2, encode([encoded, signed('author', encoded)])], [3, manifest]);
}
const withBlocks = (...blocks: readonly Uint8Array[]) =>
  envelopeOf([2, encode([named, ...blocks])], [3, manifest]);
const block = (header: Uint8Array, unprotected: Item, payload: Item, signature: Item, tag = 18) =>
  encode(new Tagged(tag, [header, unprotected, payload, signature]));
const [body, signature] = [encode(map([1, -19])), signed('author', named).slice(-64)];

/** §8.3: the signature comes first. */
export const authentications: readonly OwnVector[] = [
  accept(
    'auth',
    'A01-second-block-counts',
    'a stranger’s block, then the author’s',
    withBlocks(signed('stranger', named), signed('author', named)),
    served,
  ),
  accept('auth', 'A02-mac', 'HMAC 256/256', withBlocks(authenticated(named)), served),
  accept(
    'auth',
    'A03-eddsa',
    'the same signature under EdDSA (-8)',
    withBlocks(signed('author', named, map([1, -8]))),
    served,
  ),
  reject(
    'auth',
    'A04-strangers-only',
    'two blocks, both by strangers',
    withBlocks(signed('stranger', named), signed('stranger', named)),
  ),
  reject(
    'auth',
    'A05-signed-manifest',
    'signed over the manifest, not over its digest',
    withBlocks(signed('author', manifest)),
  ),
  reject(
    'auth',
    'A06-signed-wrapped-digest',
    'signed over the digest in its bstr',
    withBlocks(signed('author', encode(named))),
  ),
  reject(
    'auth',
    'A07-other-digest',
    'the digest of another manifest, well signed',
    withDigest(digestOf(encode(manifestOf({ sequenceNumber: 2 })))),
  ),
  reject(
    'auth',
    'A08-digest-of-content',
    'the digest leaves out the head of the manifest',
    withDigest(digestOf(manifest)),
  ),
  reject(
    'auth',
    'A09-digest-md5',
    'a digest algorithm that nobody assigned',
    withDigest([-999, new Uint8Array(16)]),
  ),
  reject('auth', 'A10-digest-truncated', 'SHA-256/64 (-15)', withDigest([-15, new Uint8Array(8)])),
  reject('auth', 'A11-digest-empty', 'a digest of no bytes', withDigest([-16, new Uint8Array()])),
  reject(
    'auth',
    'A12-algorithm-missing',
    'a protected header without an algorithm',
    withBlocks(block(encode(map()), map(), null, signature)),
  ),
  reject(
    'auth',
    'A13-header-empty',
    'no protected header',
    withBlocks(block(bytes(), map(), null, signature)),
  ),
  reject(
    'auth',
    'A14-algorithm-twice',
    'the algorithm unprotected, too',
    withBlocks(block(body, map([1, -19]), null, signature)),
  ),
  reject(
    'auth',
    'A15-kid-stranger',
    'a key identifier of somebody else',
    withBlocks(block(body, map([4, utf8('nobody')]), null, signature)),
  ),
  reject(
    'auth',
    'A16-unprotected-unknown',
    'a header that nobody acts on',
    withBlocks(block(body, map([99, 1]), null, signature)),
  ),
  reject('auth', 'A17-attached', 'the digest attached', withBlocks(block(body, map(), named, signature))),
  reject(
    'auth',
    'A18-payload-missing',
    'three parts',
    withBlocks(encode(new Tagged(18, [body, map(), signature]))),
  ),
  reject(
    'auth',
    'A19-signature-short',
    'a signature of 63 bytes',
    withBlocks(block(body, map(), null, signature.slice(1))),
  ),
  reject(
    'auth',
    'A20-signature-empty',
    'a signature of no bytes',
    withBlocks(block(body, map(), null, bytes())),
  ),
  reject(
    'auth',
    'A21-signature-flipped',
    'a signature with one bit changed',
    withBlocks(
      block(
        body,
        map(),
        null,
        signature.map((each, index) => (index === 0 ? each ^ 1 : each)),
      ),
    ),
  ),
  reject(
    'auth',
    'A22-tag-of-mac',
    'a signature under the tag of COSE_Mac0',
    withBlocks(block(body, map(), null, signature, 17)),
  ),
  reject(
    'auth',
    'A23-tag-of-encrypt0',
    'a COSE_Encrypt0',
    withBlocks(encode(new Tagged(16, [body, map(), signature]))),
  ),
  reject('auth', 'A24-mac-shortened', 'a tag of eight bytes', withBlocks(shortMac())),
  reject(
    'auth',
    'A25-mac-other-algorithm',
    'HMAC 256/64 (4)',
    withBlocks(encode(new Tagged(17, [encode(map([1, 4])), map(), null, new Uint8Array(8)]))),
  ),
  reject(
    'auth',
    'A26-es256-with-ed25519',
    'ES256 of a key that is for Ed25519',
    withBlocks(signed('author', named, map([1, -7]))),
  ),
  reject('auth', 'A27-es384-with-ed25519', 'ES384 (-35)', withBlocks(signed('author', named, map([1, -35])))),
  reject(
    'auth',
    'A28-none',
    'an algorithm number that means none',
    withBlocks(signed('author', named, map([1, 0]))),
  ),
  reject(
    'auth',
    'A29-critical',
    'a critical label that nobody knows',
    withBlocks(signed('author', named, map([1, -19], [2, [99]], [99, 1]))),
  ),
  reject('auth', 'A30-block-no-cose', 'a block that is an integer', withBlocks(encode(1))),
  reject(
    'auth',
    'A31-block-trailing',
    'a byte behind a block',
    withBlocks(joined(signed('author', named), bytes(0))),
  ),
  reject(
    'auth',
    'A32-manifest-changed',
    'one bit of the manifest changed',
    sound.map((each, index) => (index === sound.length - 1 ? each ^ 1 : each)),
  ),
  reject(
    'auth',
    'A33-manifest-doubly-wrapped',
    'signed, but for the manifest without its bstr',
    envelopeOf([2, auth], [3, encode(manifest)]),
  ),
];

function shortMac(): Uint8Array {
  return encode(new Tagged(17, [encode(map([1, 5])), map(), null, authenticated(named).slice(-32, -24)]));
}
