/** What can be wrong with sequences, and with their fit to a device, before any command runs. */

import type { Item } from '@lapel/cbor';
import { encode } from '@lapel/cbor';
import { joined } from '@lapel/cose';
import { command, element, parameter } from './numbers.ts';
import {
  compatible,
  component,
  digestOf,
  firmware,
  forge,
  imageOf,
  map,
  obtain,
  served,
  set,
  utf8,
  withElement,
  wrapped,
} from './forge.ts';
import type { OwnVector } from './vector.ts';
import { accept, bootOnly, policy, reject } from './vector.ts';

const bytes = (...each: readonly number[]) => Uint8Array.from(each);
const own = [2, [component(0)]] as const;

/** §6.2, §8.4.6: held against the device before the first command. */
export const sequences: readonly OwnVector[] = [
  reject('setup', 'M36-sequence-empty', 'install of no commands', forge({ install: [] })),
  reject(
    'setup',
    'M37-sequence-odd',
    'a command without its argument',
    forge({ install: [...obtain, command.abort] }),
  ),
  reject('setup', 'M38-sequence-map', 'install is a map', withElement(element.install, wrapped(map([1, 1])))),
  reject(
    'setup',
    'M39-sequence-trailing',
    'a byte behind install, in its bstr',
    withElement(element.install, joined(wrapped(obtain), bytes(0))),
  ),
  reject('setup', 'M40-command-text', 'a command that is a text', forge({ install: ['fetch', 15] })),
  reject(
    'setup',
    'M41-policy-16',
    'a reporting policy of five bits',
    forge({ install: [command.fetch, 16] }),
  ),
  reject(
    'setup',
    'M42-policy-negative',
    'a reporting policy below zero',
    forge({ install: [command.fetch, -1] }),
  ),
  reject('setup', 'M43-policy-null', 'no reporting policy', forge({ install: [command.fetch, null] })),
  reject(
    'setup',
    'M44-index-negative',
    'component index -1',
    forge({ install: [command.index, -1, ...obtain] }),
  ),
  reject(
    'setup',
    'M45-index-false',
    'component index false',
    forge({ install: [command.index, false, ...obtain] }),
  ),
  reject(
    'setup',
    'M46-index-empty',
    'a list of no component indices',
    forge({ install: [command.index, [], ...obtain] }),
  ),
  reject(
    'setup',
    'M47-try-each-of-one',
    'try-each of one sequence',
    forge({ install: [command.tryEach, [wrapped(obtain)]] }),
  ),
  reject(
    'setup',
    'M48-try-each-nil-first',
    'nil before the end of try-each',
    forge({ install: [command.tryEach, [null, wrapped(obtain)]] }),
  ),
  reject(
    'setup',
    'M49-try-each-no-bstr',
    'sequences that are arrays',
    forge({ install: [command.tryEach, [obtain, obtain]] }),
  ),
  reject(
    'setup',
    'M50-run-sequence-array',
    'a sequence that is an array',
    forge({ install: [command.runSequence, obtain] }),
  ),
  reject(
    'setup',
    'M51-override-array',
    'parameters that are an array',
    forge({ install: [command.override, [1]] }),
  ),
  reject('setup', 'M52-override-empty', 'no parameters', forge({ install: [command.override, map()] })),
  reject(
    'setup',
    'M53-two-without-index',
    'two components, and install sets no index',
    forge({
      components: [component(0), component(1)],
      shared: [command.index, true, ...compatible],
      validate: [command.index, 0, 3, 15],
    }),
  ),
  reject(
    'setup',
    'M54-fetch-in-shared',
    'a fetch in the shared sequence',
    forge({ shared: [...compatible, ...obtain] }),
  ),
  reject(
    'setup',
    'M55-fetch-in-shared-nested',
    'a fetch in a sequence in the shared one',
    forge({ shared: [...compatible, command.runSequence, wrapped(obtain)] }),
  ),
  reject(
    'setup',
    'M56-custom-in-shared',
    'a custom command in the shared sequence',
    forge({ shared: [...compatible, -257, 0] }),
  ),
  policy(
    'setup',
    'M57-no-class',
    'no class in the shared sequence',
    forge({
      shared: [
        ...set([parameter.vendor, utf8('x'.repeat(16))]),
        command.runSequence,
        wrapped([command.override, map([12, true])]),
      ],
    }),
  ),
  policy('setup', 'M58-no-shared', 'no shared sequence at all', withElement(3, encode(map(own)))),
  reject(
    'setup',
    'M59-severed-and-whole',
    'install inside and outside',
    forge({ envelope: [[element.install, wrapped(obtain)]] }),
  ),
  reject(
    'setup',
    'M60-severed-unnamed',
    'a severed text without a digest',
    forge({ envelope: [[element.text, wrapped(map(['en', map([1, 'x'])]))]] }),
  ),
  reject(
    'setup',
    'M61-severed-other',
    'another install than the digest’s',
    severed(obtain, [...obtain, command.abort, 15]),
  ),
  reject(
    'setup',
    'M62-severed-without-head',
    'a digest without the head of the element',
    forge({
      elements: new Map([[element.install, digestOf(wrapped(obtain))]]),
      envelope: [[element.install, wrapped(obtain)]],
    }),
  ),
  accept('run', 'M63-severed', 'a severed install', severed(obtain, obtain), served),
  bootOnly(
    'run',
    'M64-severed-away',
    'a severed install that is not here',
    forge({
      shared: [...compatible, ...set(...imageOf(firmware))],
      elements: new Map([[element.install, digestOf(encode(wrapped(obtain)))]]),
    }),
  ),
  reject('setup', 'M65-rollback', 'a sequence number below the device’s', forge({}), {
    device: { sequence: 2 },
  }),
  accept('run', 'M66-sequence-same', 'the sequence number that the device has', forge({}), {
    ...served,
    device: { sequence: 1 },
  }),
  reject(
    'setup',
    'M67-too-many',
    'more components than the device has',
    forge({
      components: Array.from({ length: 40 }, (_, index) => component(index)),
      shared: [command.index, true, ...compatible],
      install: [command.index, 0, ...obtain],
      validate: [command.index, 0, 3, 15],
    }),
  ),
  reject('parse', 'M68-component-id-text', 'a manifest-component-id that is a text', withElement(5, 'x')),
  accept('run', 'M69-component-id', 'a manifest-component-id', withElement(5, component(1)), served),
  reject('parse', 'M70-mud-text', 'a MUD element that is a text', withElement(25, 'x')),
  accept(
    'run',
    'M71-text-odd',
    'what people read is never looked into',
    withElement(element.text, wrapped([firmware])),
    served,
  ),
];

function severed(named: readonly Item[], carried: readonly Item[]): Uint8Array {
  const elements = new Map([[element.install, digestOf(encode(wrapped(named)))]]);
  return forge({ elements, envelope: [[element.install, wrapped(carried)]] });
}
