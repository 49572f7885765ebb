/** Manifests that differ in what they install, and in what they ask of the device. */

import type { Item } from '@lapel/cbor';
import { compatible, component, forge, obtain, served, set, uri, wrapped } from './forge.ts';
import { command as c, parameter as p } from './numbers.ts';

export const none: readonly Item[] = set([p.strictOrder, true]);
/** Install is this, and validate asks for nothing that it does not do. */
export const installing = (...install: readonly Item[]) => forge({ install, validate: none });
/** The same on components 0 and 1, of which 0 holds the firmware and 1 nothing. */
export const both = (...install: readonly Item[]) =>
  forge({
    components: [component(0), component(1)],
    shared: [c.index, true, ...compatible],
    install: [c.index, 0, ...install],
    validate: [c.index, 0, ...none],
  });
export const holding = { device: { components: { '00': 'fw.bin' } } };
export const holdingOther = { ...served, device: { components: { '00': 'old-fw.bin' } } };
export const fetching: readonly Item[] = [...set([p.uri, uri]), c.fetch, 15];
export const run = (...commands: readonly Item[]): readonly Item[] => [c.runSequence, wrapped(commands)];
export const attempts = (...sequences: readonly (readonly Item[] | null)[]): readonly Item[] => [
  c.tryEach,
  sequences.map((each) => (each === null ? null : wrapped(each))),
];
export const fail: readonly Item[] = [c.abort, 15];

export const asking = (shared: readonly Item[]) => forge({ shared: [...shared], install: obtain });
