/** How many manifests a second are looked at for mistakes: with an update of two components, signed. */

import { lint } from '@lapel/suit/lint';
import { at, compatible, component, copy, fetch, forge, imageOf, match, set } from '../test/forge.ts';
import type { Figure } from '../../../tools/figure.ts';

export const figures: readonly Figure[] = [
  {
    room: 'suit',
    name: 'manifests linted per second',
    unit: 'per s',
    aim: '≥ 1000',
    atLeast: 1000,
    measure: lintedPerSecond,
  },
];

const image = imageOf(new TextEncoder().encode('an image'));
const perTurn = 200;
const turns = 9;

function lintedPerSecond(): number {
  const envelope = forge({
    components: [component(0), component(1)],
    shared: [at(0), ...compatible, set(image)],
    sections: {
      install: [
        at(1),
        set({ uri: 'coaps://lapel.example/image' }),
        fetch,
        at(0),
        set({ sourceComponent: 1 }),
        copy,
        match,
      ],
      validate: [at(0), match],
    },
  });
  let fastest = Infinity;
  for (let turn = 0; turn < turns; turn++) {
    const started = performance.now();
    for (let left = perTurn; left > 0; left--) lint(envelope);
    fastest = Math.min(fastest, performance.now() - started);
  }
  return (perTurn / fastest) * 1000;
}
