/** `{ + uint => T }`: what a manifest says of components by their index. */

import type { Schema } from '@lapel/cbor';
import { CborError, uint, write } from '@lapel/cbor';

export type ByIndex<T> = readonly (readonly [index: number, value: T])[];

/** In ascending order, which is the deterministic one. */
export function byIndex<T>(value: Schema<T>, max: number): Schema<ByIndex<T>> {
  return {
    read(r) {
      const start = r.at;
      const count = r.map();
      if (count === 0 || count > max)
        throw new CborError(`expected 1 to ${max} pairs, found ${count}`, start);
      const pairs: (readonly [number, T])[] = [];
      let before = -1;
      for (let left = count; left > 0; left--) {
        const at = r.at;
        const index = r.uint();
        if (index <= before) throw new CborError('expected ascending indices, found another order', at);
        before = index;
        pairs.push([index, value.read(r)]);
      }
      return pairs;
    },
    write: (w, pairs) => w.sortedMap(pairs.map(([index, each]) => [write(uint, index), write(value, each)])),
  };
}
