/** The machine of the Firmware Update object alone: each of its transitions, and random runs under a seed. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event, Machine, Result, State } from '@lapel/device/lwm2m';
import { results, states, step } from '@lapel/device/lwm2m';
import { seededRandom } from '@lapel/simulator';

const idle: Machine = { state: 'idle', result: 'initial', isAccepted: false };
const failures = [
  ...(['not-enough-flash', 'out-of-ram', 'connection-lost', 'integrity-failure'] as const),
  ...(['unsupported-package', 'invalid-uri', 'update-failed', 'unsupported-protocol'] as const),
] as const;
const events: readonly Event[] = [
  ...(['package', 'package-uri', 'reset', 'update', 'cancel'] as const).map((name) => ({ name })),
  ...(['downloaded', 'deferred', 'updating', 'updated'] as const).map((name) => ({ name })),
  ...failures.map((result) => ({ name: 'failed', result }) as const),
];

const after = (...names: readonly Event['name'][]): Machine =>
  names.reduce((machine, name) => {
    const event = events.find((each) => each.name === name) ?? assert.fail(name);
    return step(machine, event) ?? assert.fail(`expected ${name} to be allowed, found it refused`);
  }, idle);

/** Each with the way there, and all that may happen in it: what is not named is refused. */
const all: readonly (readonly [string, Machine, Readonly<Partial<Record<Event['name'], string>>>])[] = [
  ['Idle', idle, { package: 'downloading 0', 'package-uri': 'downloading 0', reset: 'idle 0' }],
  [
    'Downloading',
    after('package-uri'),
    {
      ...{ reset: 'idle 0', cancel: 'idle 10', downloaded: 'downloaded 0' },
      ...{ updated: 'idle 1', failed: 'idle 2' },
    },
  ],
  [
    'Downloaded',
    after('package', 'downloaded'),
    { reset: 'idle 0', cancel: 'idle 10', update: 'downloaded 0 accepted', failed: 'idle 2' },
  ],
  [
    'Downloaded, and told to update',
    after('package', 'downloaded', 'update'),
    {
      ...{ reset: 'idle 0', cancel: 'idle 10', update: 'downloaded 0 accepted', failed: 'idle 2' },
      ...{ deferred: 'downloaded 11 accepted', updating: 'updating 0' },
    },
  ],
  [
    'Downloaded, and deferred',
    after('package', 'downloaded', 'update', 'deferred'),
    {
      ...{ reset: 'idle 0', cancel: 'idle 10', update: 'downloaded 11 accepted', failed: 'idle 2' },
      ...{ deferred: 'downloaded 11 accepted', updating: 'updating 0' },
    },
  ],
  ['Updating', after('package', 'downloaded', 'update', 'updating'), { updated: 'idle 1', failed: 'idle 2' }],
  ['Idle, after an update', after('package', 'downloaded', 'update', 'updating', 'updated'), {}],
];

const shown = ({ state, result, isAccepted }: Machine) =>
  `${state} ${results[result]}${isAccepted ? ' accepted' : ''}`;

for (const [name, machine, allowed] of all) {
  test(`S3-07: ${name}: what may happen leads where the definition says, and nothing else happens`, () => {
    const expected = name.startsWith('Idle') ? all[0]?.[2] : allowed;
    for (const event of events) {
      const next = step(machine, event);
      const where = expected?.[event.name];
      const code = event.name === 'failed' ? results[event.result] : undefined;
      const found = next === undefined ? undefined : shown(next);
      assert.equal(found, code === undefined ? where : where?.replace(/2$/, String(code)), event.name);
    }
  });
}

/** Of each state, the results that the definition has for it. */
const possible: Readonly<Record<State, (result: Result) => boolean>> = {
  idle: (result) => result !== 'deferred',
  downloading: (result) => result === 'initial',
  downloaded: (result) => result === 'initial' || result === 'deferred',
  updating: (result) => result === 'initial',
};

test('S3-07: under any seed each state has only its own results, and a refusal changes nothing', () => {
  // By name, for most of them are failures.
  const names = [...new Set(events.map(({ name }) => name))];
  const reached = new Set<string>();
  for (let seed = 1; seed <= 600; seed++) {
    const random = seededRandom(seed);
    const oneOf = <T>(from: readonly T[]): T => from[random.below(from.length)] ?? assert.fail('nothing');
    let machine = idle;
    for (let at = 0; at < 60; at++) {
      const name = oneOf(names);
      const event = oneOf(events.filter((each) => each.name === name));
      const before = structuredClone(machine);
      const next = step(machine, event);
      assert.deepEqual(machine, before, `seed ${seed}`);
      machine = next ?? machine;
      const what = `seed ${seed}: ${shown(machine)} after ${event.name} in ${shown(before)}`;
      assert.ok(possible[machine.state](machine.result), what);
      assert.ok(machine.state === 'downloaded' || !machine.isAccepted, what);
      // What is being installed can only end.
      if (before.state === 'updating' && next !== undefined) assert.equal(machine.state, 'idle', what);
      reached.add(`${states[machine.state]} ${results[machine.result]}`);
    }
  }
  // Idle with 0 to 10, and the others: every one that there is.
  assert.equal(reached.size, 11 + 1 + 2 + 1, [...reached].join(', '));
});
