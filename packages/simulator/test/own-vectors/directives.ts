/** Every directive of manifest-37: with what it needs, without it, and with what is wrong. */

import { firmware, forge, imageOf, map, obtain, otherFirmware, served, set, uri, utf8 } from './forge.ts';
import { both, holding, installing } from './installing.ts';
import { command as c, parameter as p } from './numbers.ts';
import type { OwnVector } from './vector.ts';
import { accept, reject } from './vector.ts';

/** §8.4.10: a directive that fails aborts, wherever it stands. */
export const directives: readonly OwnVector[] = [
  reject('run', 'D01-fetch-unset', 'no URI to fetch from', installing(c.fetch, 15), served),
  reject('run', 'D02-fetch-nothing', 'nothing is there', installing(...obtain), { payloads: {} }),
  accept(
    'run',
    'D03-fetch-arguments',
    'fetch arguments',
    installing(...set([p.fetchArguments, utf8('x')]), ...obtain),
    served,
  ),
  accept(
    'run',
    'D04-integrated',
    'a payload that the envelope carries',
    forge({
      install: [...set(...imageOf(firmware), [p.uri, '#f']), c.fetch, 15, c.imageMatch, 15],
      envelope: [['#f', firmware]],
    }),
  ),
  reject(
    'run',
    'D05-integrated-missing',
    'a payload that it should carry',
    installing(...set([p.uri, '#f']), c.fetch, 15),
  ),
  reject(
    'run',
    'D06-integrated-other',
    'another payload in its place',
    forge({
      install: [...set(...imageOf(firmware), [p.uri, '#f']), c.fetch, 15, c.imageMatch, 15],
      envelope: [['#f', otherFirmware]],
    }),
  ),
  accept(
    'run',
    'D07-integrated-uri',
    'a carried payload under a URI',
    forge({ envelope: [[uri, firmware]] }),
    { payloads: {} },
  ),
  accept(
    'run',
    'D08-write',
    'a write',
    installing(...set([p.content, firmware], ...imageOf(firmware)), c.write, 15, c.imageMatch, 15),
  ),
  reject('run', 'D09-write-unset', 'no content to write', installing(c.write, 15)),
  accept(
    'run',
    'D10-copy',
    'a copy',
    both(c.index, 1, ...set(...imageOf(firmware), [p.source, 0]), c.copy, 15, c.imageMatch, 15),
    holding,
  ),
  reject('run', 'D11-copy-unset', 'no source to copy', both(c.index, 1, c.copy, 15), holding),
  reject(
    'run',
    'D12-copy-beyond',
    'a source beyond the components',
    both(c.index, 1, ...set([p.source, 2]), c.copy, 15),
    holding,
  ),
  reject(
    'run',
    'D13-copy-empty',
    'a source that holds nothing',
    both(c.index, 0, ...set([p.source, 1]), c.copy, 15),
    holding,
  ),
  accept(
    'run',
    'D14-swap',
    'a swap',
    both(...set([p.source, 1]), c.swap, 15, c.index, 1, ...set(...imageOf(firmware)), c.imageMatch, 15),
    { device: { components: { '00': 'fw.bin', '01': 'old-fw.bin' } } },
  ),
  reject('run', 'D15-swap-unset', 'no source to swap with', both(c.swap, 15), holding),
  reject(
    'run',
    'D16-swap-empty',
    'a source that holds nothing',
    both(...set([p.source, 1]), c.swap, 15),
    holding,
  ),
  reject(
    'run',
    'D17-index-beyond',
    'a component index beyond the components',
    both(c.index, 2, ...obtain),
    served,
  ),
  reject(
    'run',
    'D18-index-list-beyond',
    'one of a list beyond the components',
    both(c.index, [0, 2], ...obtain),
    served,
  ),
  accept('run', 'D19-index-list', 'a list of indices', both(c.index, [0, 1], ...obtain), served),
  accept(
    'run',
    'D20-index-list-backwards',
    'a list the other way round',
    both(c.index, [1, 0], ...obtain),
    served,
  ),
  accept('run', 'D21-index-true', 'every component', both(c.index, true, ...obtain), served),
  reject(
    'run',
    'D22-index-true-one-fails',
    'every component, of which one is another',
    both(c.index, true, ...set(...imageOf(firmware)), c.imageMatch, 15),
    holding,
  ),
  reject('run', 'D23-unknown-parameter', 'parameter 99', installing(...set([99, 0]), ...obtain), served),
  reject(
    'run',
    'D24-parameter-6',
    'parameter 6, which is a condition',
    installing(...set([6, firmware]), ...obtain),
    served,
  ),
  reject(
    'run',
    'D25-parameter-type',
    'a URI of bytes',
    installing(...set([p.uri, utf8(uri)]), c.fetch, 15),
    served,
  ),
  reject(
    'run',
    'D26-size-negative',
    'an image size below zero',
    installing(...set([p.size, -1]), ...obtain),
    served,
  ),
  accept(
    'run',
    'D27-override-again',
    'a parameter is set again',
    installing(...set([p.uri, 'http://example.com/none']), ...obtain),
    served,
  ),
  accept(
    'run',
    'D28-set-unset',
    'set-parameters leaves what is set',
    installing(
      ...set([p.uri, uri]),
      c.set,
      map([p.uri, 'http://example.com/none'], imageOf(firmware)[0]!),
      c.fetch,
      15,
      c.imageMatch,
      15,
    ),
    served,
  ),
  reject('run', 'D29-18-as-parameter', 'a write instead of its content', installing(18, 15)),
  reject(
    'run',
    'D30-25-as-condition',
    'image-not-match where fetch arguments were meant',
    installing(...set(...imageOf(firmware)), 25, 15),
    holding,
  ),
];
