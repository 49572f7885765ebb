/** What can be wrong with an envelope before anybody looks at who signed it. */

import type { Item } from '@lapel/cbor';
import { Tagged, encode } from '@lapel/cbor';
import { joined } from '@lapel/cose';
import { element } from './numbers.ts';
import type { OwnVector } from './vector.ts';
import { policy, reject } from './vector.ts';
import {
  digestOf,
  envelopeOf,
  forge,
  manifestOf,
  map,
  rawMap,
  signed,
  tagged107,
  utf8,
  wrapper,
} from './forge.ts';

const sound = forge({});
const manifest = manifestOf({});
const [auth, named] = [encode(wrapper(manifest)), encode(digestOf(encode(manifest)))];
const pair = (key: Item, value: Item) => [encode(key), encode(value)] as const;
const bytes = (...each: readonly number[]) => Uint8Array.from(each);

/** §8.2: read before anything is proved, so nothing but the frame may matter. */
export const frames: readonly OwnVector[] = [
  reject('parse', 'E01-empty', 'no byte at all', bytes()),
  reject('parse', 'E02-cut-short', 'the last byte is missing', sound.subarray(0, -1)),
  reject('parse', 'E03-zero-behind', 'a zero byte behind the envelope', joined(sound, bytes(0))),
  reject('parse', 'E04-tag-of-manifest', 'tag 1070 instead of 107', encode(new Tagged(1070, map()))),
  reject('parse', 'E05-tag-twice', 'tag 107 twice', tagged107(sound)),
  reject('parse', 'E06-self-described', 'tag 55799 before tag 107', joined(bytes(0xd9, 0xd9, 0xf7), sound)),
  reject('parse', 'E07-long-tag', 'tag 107 in two bytes', joined(bytes(0xd9, 0, 107), sound.subarray(2))),
  policy('parse', 'E08-untagged', 'no tag, as in TEEP', sound.subarray(2)),
  reject('parse', 'E09-untagged-twice-wrapped', 'an envelope in a byte string', encode(sound)),
  reject('parse', 'E10-array', 'an array of the two elements', tagged107(encode([auth, manifest]))),
  reject('parse', 'E11-empty-map', 'an envelope without elements', tagged107(encode(map()))),
  reject(
    'parse',
    'E12-indefinite-map',
    'a map of indefinite length',
    joined(bytes(0xd8, 107, 0xbf), sound.subarray(3), bytes(0xff)),
  ),
  reject(
    'parse',
    'E13-long-map-head',
    'the number of pairs in two bytes',
    joined(bytes(0xd8, 107, 0xb8, 2), sound.subarray(3)),
  ),
  reject('parse', 'E14-no-manifest', 'no manifest', envelopeOf([2, auth])),
  reject(
    'parse',
    'E15-manifest-no-bstr',
    'the manifest is a map, not a byte string',
    tagged107(rawMap([pair(2, auth), [encode(3), manifest]])),
  ),
  reject(
    'parse',
    'E16-wrapper-no-bstr',
    'the wrapper is an array, not a byte string',
    envelopeOf([2, wrapper(manifest)], [3, manifest]),
  ),
  reject('parse', 'E17-wrapper-empty', 'a wrapper of nothing', envelopeOf([2, encode([])], [3, manifest])),
  reject(
    'parse',
    'E18-wrapper-trailing',
    'a byte behind the array in the wrapper',
    envelopeOf([2, joined(auth, bytes(0))], [3, manifest]),
  ),
  reject(
    'parse',
    'E19-wrapper-block-no-bstr',
    'a block that is no byte string',
    envelopeOf([2, encode([named, [1]])], [3, manifest]),
  ),
  reject(
    'parse',
    'E20-duplicate-manifest',
    'the manifest twice',
    tagged107(rawMap([pair(2, auth), pair(3, manifest), pair(3, manifest)])),
  ),
  reject(
    'parse',
    'E21-order',
    'a payload before the manifest',
    tagged107(rawMap([pair(2, auth), pair('#f', utf8('f')), pair(3, manifest)])),
  ),
  reject(
    'parse',
    'E22-delegation',
    'key 1, which is reserved',
    envelopeOf([1, bytes()], [2, auth], [3, manifest]),
  ),
  reject(
    'parse',
    'E23-old-install',
    'key 17, where drafts -17 to -27 had install',
    envelopeOf([2, auth], [3, manifest], [17, encode([14, 15])]),
  ),
  reject(
    'parse',
    'E24-validate-outside',
    'key 7: validate is not severable',
    envelopeOf([2, auth], [3, manifest], [element.validate, encode([14, 15])]),
  ),
  reject(
    'parse',
    'E25-uninstall-outside',
    'key 24: uninstall is not severable',
    envelopeOf([2, auth], [3, manifest], [element.uninstall, encode([14, 15])]),
  ),
  reject('parse', 'E26-unknown-key', 'key 99', envelopeOf([2, auth], [3, manifest], [99, bytes()])),
  reject(
    'parse',
    'E27-payload-no-bstr',
    'an integrated payload that is a text',
    envelopeOf([2, auth], [3, manifest], ['#f', 'f']),
  ),
  reject(
    'parse',
    'E28-payload-bytes-key',
    'a payload behind a key of bytes',
    envelopeOf([2, auth], [3, manifest], [utf8('#f'), utf8('f')]),
  ),
  reject(
    'parse',
    'E29-text-no-utf8',
    'a payload behind a text that is no UTF-8',
    tagged107(rawMap([pair(2, auth), pair(3, manifest), [bytes(0x62, 0xc3, 0x28), encode(utf8('f'))]])),
  ),
  reject(
    'parse',
    'E30-indefinite-bstr',
    'a manifest in pieces',
    tagged107(rawMap([pair(2, auth), [encode(3), joined(bytes(0x5f), encode(manifest), bytes(0xff))]])),
  ),
  reject(
    'parse',
    'E31-long-bstr',
    'a manifest longer than the bytes that are left',
    joined(bytes(0xd8, 107, 0xa2, 2), encode(auth), bytes(3, 0x5b, 0, 0, 0, 1, 0, 0, 0, 0)),
  ),
  reject(
    'parse',
    'E32-digest-of-three',
    'a digest of three parts',
    envelopeOf([2, encode([encode([...digestOf(manifest), 0]), signed('author', named)])], [3, manifest]),
  ),
  reject(
    'parse',
    'E33-digest-text',
    'a digest that is a text',
    envelopeOf([2, encode([encode([-16, 'x'.repeat(32)]), signed('author', named)])], [3, manifest]),
  ),
  reject(
    'parse',
    'E34-nine-blocks',
    'more blocks than any device looks at',
    envelopeOf(
      [2, encode([named, ...Array.from({ length: 9 }, () => signed('author', named))])],
      [3, manifest],
    ),
  ),
];
