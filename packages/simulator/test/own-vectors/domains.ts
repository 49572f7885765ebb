/** A root manifest and the one that it needs, by two authors. */

import type { Item } from '@lapel/cbor';
import { encode } from '@lapel/cbor';
import type { Plan, SignerName } from './forge.ts';
import {
  compatible,
  component,
  digestOf,
  forge,
  manifestOf,
  map,
  obtain,
  served,
  set,
  wrapped,
} from './forge.ts';
import { command as c, element, parameter as p } from './numbers.ts';

export const where = 'http://example.com/dependency';

/** For component 1, by the other author. */
export const dependencyPlan: Plan = { components: [component(1)], by: 'other' };
export const dependency = forge(dependencyPlan);
export const strange = forge({ ...dependencyPlan, by: 'stranger' });
export const flipped = dependency.map((each, index) => (index === dependency.length - 1 ? each ^ 1 : each));

/** What names a dependency: the digest of its manifest, with its head. */
export const named = (plan: Plan = dependencyPlan): readonly [Item, Item] => [
  p.digest,
  wrapped(digestOf(encode(manifestOf(plan)))),
];

export interface Shape {
  readonly carried?: Uint8Array;
  readonly uri?: string;
  readonly digest?: readonly [Item, Item];
  /** Before a dependency is processed; the integrity of it is checked. */
  readonly check?: readonly Item[];
  readonly resolution?: readonly Item[];
  readonly install?: readonly Item[];
  readonly validate?: readonly Item[];
  readonly dependencies?: Item;
  readonly components?: readonly Item[];
  readonly by?: SignerName;
}

export const checked: readonly Item[] = [c.integrity, 15, c.process, 15];
export const bringing = (uri: string, digest: readonly [Item, Item]) => [
  c.index,
  1,
  ...set([p.uri, uri], digest),
  c.fetch,
  15,
];

/** A root of component 0 whose second component holds the envelope of the other. */
export function root({
  carried = dependency,
  uri = '#dependency',
  digest = named(),
  check = [c.integrity, 15],
  resolution = [...bringing(uri, digest), ...check, c.process, 15],
  install = [c.index, 1, ...check, c.process, 15, c.index, 0, ...obtain],
  validate = [c.index, 1, ...check, c.process, 15, c.index, 0, c.imageMatch, 15],
  dependencies = map([1, map()]),
  components = [component(0), component(2)],
  by = 'author',
}: Shape = {}): Uint8Array {
  return forge({
    components,
    dependencies,
    shared: [c.index, true, ...compatible],
    install,
    validate,
    elements: new Map([[element.resolution, wrapped(resolution)]]),
    envelope: [['#dependency', carried]],
    by,
  });
}

export const device = { ...served, device: { components: ['00', '01', '02', '03/01'] } };
export const remote = (file: string) => ({ ...device, payloads: { ...served.payloads, [where]: file } });
export const prefixed = (prefix: Item) => map([1, map([1, prefix])]);
