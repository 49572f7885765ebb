/** What can be wrong with a manifest that its author has signed: each is refused before any command runs. */

import type { Item } from '@lapel/cbor';
import { Float, encode } from '@lapel/cbor';
import { joined } from '@lapel/cose';
import { command, element } from './numbers.ts';
import type { Plan } from './forge.ts';
import {
  compatible,
  component,
  digestOf,
  elementsOf,
  forge,
  manifestOf,
  map,
  obtain,
  rawMap,
  sealed,
  served,
  utf8,
  withElement,
  wrapped,
} from './forge.ts';
import type { OwnVector } from './vector.ts';
import { accept, reject } from './vector.ts';

const bytes = (...each: readonly number[]) => Uint8Array.from(each);
/** The manifest's map with its elements in another order, or one again. */
const reordered = (plan: Plan, order: (keys: readonly number[]) => readonly number[]): Uint8Array => {
  const elements = elementsOf(plan);
  const keys = [...elements.keys()].toSorted((a, b) => a - b);
  return sealed(rawMap(order(keys).map((key) => [encode(key), elements.get(key) ?? bytes()])));
};
const common = (...pairs: readonly (readonly [Item, Item])[]) => withElement(3, encode(map(...pairs)));
const shared = [4, wrapped(compatible)] as const;
const own = [2, [component(0)]] as const;

/** §8.4: read once the signature stands. */
export const structures: readonly OwnVector[] = [
  reject(
    'parse',
    'M01-trailing',
    'a byte behind the manifest, in its bstr',
    sealed(joined(manifestOf({}), bytes(0))),
  ),
  reject('parse', 'M02-array', 'an array', sealed(encode([1, 1]))),
  reject('parse', 'M03-empty', 'a map of nothing', sealed(encode(map()))),
  reject('parse', 'M04-nothing', 'a bstr of nothing', sealed(bytes())),
  reject(
    'parse',
    'M05-order',
    'install before validate',
    reordered({}, ([a, b, c, d, e]) => [a!, b!, c!, e!, d!]),
  ),
  reject(
    'parse',
    'M06-duplicate',
    'common twice',
    reordered({}, ([a, b, c, d, e]) => [a!, b!, c!, c!, d!, e!]),
  ),
  reject(
    'parse',
    'M07-version-last',
    'the version is not the first element',
    reordered({}, ([a, ...rest]) => [...rest, a!]),
  ),
  reject('parse', 'M08-version-missing', 'no version', withElement(1, undefined)),
  reject('setup', 'M09-version-0', 'version 0', withElement(1, 0)),
  reject('setup', 'M10-version-2', 'version 2', withElement(1, 2)),
  reject('parse', 'M11-version-text', 'version "1"', withElement(1, '1')),
  reject('parse', 'M12-sequence-missing', 'no sequence number', withElement(2, undefined)),
  reject('parse', 'M13-sequence-negative', 'sequence number -1', withElement(2, -1)),
  reject('parse', 'M14-sequence-float', 'sequence number 1.0', withElement(2, new Float(1))),
  reject(
    'parse',
    'M15-sequence-bignum',
    'sequence number 2^64',
    sealed(joined(bytes(0xa3, 1, 1, 2, 0xc2, 0x49, 1, 0, 0, 0, 0, 0, 0, 0, 0, 3), wrapped(bytes(0xa0)))),
  ),
  reject('parse', 'M16-common-missing', 'no common', withElement(3, undefined)),
  reject('parse', 'M17-common-no-bstr', 'common is a map', withElement(3, map(own, shared))),
  reject('parse', 'M18-common-empty-bstr', 'common of nothing', withElement(3, bytes())),
  reject('setup', 'M19-components-missing', 'no components', common(shared)),
  reject('parse', 'M20-components-empty', 'a list of no components', common([2, []], shared)),
  reject(
    'parse',
    'M21-component-no-array',
    'a component that is a byte string',
    common([2, [bytes(0)]], shared),
  ),
  reject('parse', 'M22-component-part-text', 'a part that is a text', common([2, [['0']]], shared)),
  reject(
    'setup',
    'M23-component-twice',
    'the same component twice',
    forge({
      components: [component(0), component(0)],
      shared: [command.index, true, ...compatible],
      install: [command.index, 0, ...obtain],
      validate: [command.index, 0, 3, 15],
    }),
  ),
  reject(
    'setup',
    'M24-component-unknown',
    'a component that the device lacks',
    forge({ components: [component(9)] }),
  ),
  reject(
    'setup',
    'M25-component-longer',
    'a component below one of the device',
    forge({ components: [component(0, 0)] }),
  ),
  reject(
    'setup',
    'M26-common-unknown',
    'key 3 of common, which was dependencies’ old place',
    common(own, [3, bytes()], shared),
  ),
  reject('parse', 'M27-shared-no-bstr', 'a shared sequence that is an array', common(own, [4, compatible])),
  reject('setup', 'M28-unknown-element', 'element 99', withElement(99, 1)),
  reject(
    'setup',
    'M29-element-negative',
    'element -1',
    sealed(
      rawMap(
        [...elementsOf({})]
          .toSorted(([a], [b]) => a - b)
          .map(([key, value]) => [encode(key), value] as const)
          .concat([[encode(-1), encode(1)]]),
      ),
    ),
  ),
  reject(
    'parse',
    'M30-reference-bytes',
    'a reference URI of bytes',
    withElement(4, utf8('http://example.com')),
  ),
  accept('run', 'M31-reference', 'a reference URI', withElement(4, 'http://example.com/m'), served),
  reject('parse', 'M32-install-no-bstr', 'install is an array', withElement(element.install, obtain)),
  reject(
    'parse',
    'M33-install-digest-of-one',
    'a digest of install with one part',
    withElement(element.install, [-16]),
  ),
  reject(
    'parse',
    'M34-validate-severed',
    'a digest where validate must stand whole',
    withElement(element.validate, digestOf(bytes(0))),
  ),
  reject(
    'setup',
    'M35-severed-digest-unknown',
    'a digest by an unknown algorithm',
    withElement(element.install, [-14, new Uint8Array(20)]),
  ),
];

/** Older drafts gave these numbers other meanings: they are named, and never run (trap 4). */
export const legacies: readonly OwnVector[] = [
  reject(
    'parse',
    'L01-tag-48',
    'the tag of drafts -09 to -13',
    joined(bytes(0xd8, 48), forge({}).subarray(2)),
  ),
  old('L02-drafts-04-to-06', 'validate 10, load 11, run 12, install 9, text 13', [9, 10, 12]),
  old('L03-drafts-07-to-16', 'install 9, validate 10', [9, 10]),
  old('L04-fetch-8', 'fetch 8, install 9, validate 10, load 11, run 12', [8, 9, 10, 11, 12]),
  old('L05-drafts-17-to-27', 'install 17', [7, 17]),
  old('L06-install-17-and-20', 'install under both numbers, as one generator has it', [7, 17, 20]),
  reject(
    'setup',
    'L07-common-sequence-in-1',
    'dependencies in the place of components',
    withElement(3, encode(map([1, map([0, map()])], own, shared))),
  ),
];

function old(name: string, why: string, keys: readonly number[]): OwnVector {
  const none = [element.validate, element.install].map((key) => [key, undefined] as const);
  const some = keys.map((key) => [key, wrapped([command.imageMatch, 15])] as const);
  return reject('setup', name, why, forge({ elements: new Map([...none, ...some]) }));
}
