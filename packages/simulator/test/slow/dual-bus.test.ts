/** Two processors on a bus (RFC 9019 §5.5): both run one release, whatever happens to bus and power. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Behaviour } from '../../src/device-life.ts';
import type { Torn } from '../../src/flash.ts';
import { readFlash } from '../../src/flash-reader.ts';
import type { Half, PairLived, PairPlan } from '../../src/pair-life.ts';
import { livePair } from '../../src/pair-life.ts';
import type { Release } from '../../src/powercut-scenario.ts';
import { seededRandom } from '../../src/random.ts';
import { ends, pairWorld } from '../pair-world.ts';

const { plan, profiles, both, onlyMaster, onlyPeer, last } = await pairWorld();

/** One beat, and the messages that are asked again where an answer is lost. */
const mixedMsMax = 15_000;

/** In the end both are at rest, and nothing was seen on the way that must not be. */
async function settled(
  changes: Partial<PairPlan> & Pick<PairPlan, 'offers'>,
  what: string,
): Promise<PairLived> {
  const lived = await livePair({ ...plan, ...changes }).catch((error: unknown) => {
    throw new Error(`${what}: ${error instanceof Error ? error.message : 'no Error'}`, { cause: error });
  });
  assert.deepEqual(lived.violations, [], what);
  assert.ok(lived.mixedMs <= mixedMsMax, `${what}: mixed for ${lived.mixedMs} ms`);
  for (const half of ['master', 'peer'] as const) assert.ok(isWhole(lived, half), `${what}: ${half}`);
  return lived;
}

/** What the half runs is confirmed in its own journal, and its own floor is there. */
function isWhole({ runs, flash }: PairLived, half: Half): boolean {
  const { slots, floors } = readFlash(flash[half].dump(), profiles[half].layout);
  const { digest, sequence } = runs[half] ?? assert.fail(`${half} runs nothing`);
  const [own] = profiles[half].layout.components;
  const [name = new Uint8Array()] = own.identifier;
  const isConfirmed = slots.some((slot) => slot.state === 'confirmed' && slot.digest === digest);
  return isConfirmed && floors.get(Buffer.from(name).toString('hex')) === sequence;
}

test('S4-104, S4-09: one manifest updates both processors, each of them alone, and both again', async () => {
  assert.equal(ends(await settled({ offers: [both] }, 'both')), '2 and 2');
  assert.equal(ends(await settled({ offers: [onlyMaster] }, 'the master alone')), '3 and 1');
  assert.equal(ends(await settled({ offers: [onlyPeer] }, 'the peer alone')), '1 and 4');
  assert.equal(ends(await settled({ offers: [both, onlyPeer] }, 'both, then the peer')), '2 and 4');
  const all = await settled({ offers: [both, onlyMaster, onlyPeer, last] }, 'one after the other');
  assert.equal(ends(all), '5 and 5');
});

test('S4-104: a payload that arrives wrong is fetched again, for either processor', async () => {
  const wrongPayloads = 1;
  assert.equal(ends(await settled({ offers: [both], wrongPayloads }, 'wrong')), '2 and 2');
  assert.equal(ends(await settled({ offers: [onlyPeer], wrongPayloads }, 'wrong')), '1 and 4');
});

const outages = { short: 20_000, 'longer than a trial': 300_000 };

for (const [name, ms] of Object.entries(outages)) {
  test(`S4-104: link lost at each message, ${name}: both run the same release, old or new`, async () => {
    const whole = await settled({ offers: [both] }, 'whole');
    const found = new Map<string, number>();
    for (let from = 0; from < whole.messages; from++) {
      const bus = { outage: { from, ms, cutsFirst: from % 2 === 0 } };
      const end = ends(await settled({ offers: [both], bus }, `lost from message ${from} on`));
      found.set(end, (found.get(end) ?? 0) + 1);
    }
    for (const end of found.keys()) assert.match(end, /^1 and 1$|^2 and 2$/);
    assert.ok((found.get('2 and 2') ?? 0) > whole.messages / 2);
  });

  test(`S4-104: link lost at each message of an update of the peer alone, ${name}: old or new`, async () => {
    const whole = await settled({ offers: [onlyPeer] }, 'whole');
    for (let from = 0; from < whole.messages; from++) {
      const bus = { outage: { from, ms } };
      const lived = await settled({ offers: [onlyPeer], bus }, `lost from message ${from} on`);
      assert.match(ends(lived), /^1 and 1$|^1 and 4$/);
    }
  });
}

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`S4-104: a bus that loses, repeats and cuts messages costs only time, seed ${seed}`, async () => {
    const bus = { shares: { random: seededRandom(seed), lost: 0.1, repeated: 0.1, cut: 0.05 } };
    const lived = await settled({ offers: [both, onlyPeer], bus }, 'bad bus');
    assert.equal(ends(lived), '2 and 4');
  });
}

function tornAt(operation: number): Torn {
  const kinds: readonly Torn[] = [
    { kind: 'before' },
    { kind: 'prefix', granules: 1 + (operation % 8) },
    { kind: 'bits', seed: operation },
    { kind: 'metastable', seed: operation },
    { kind: 'ecc', seed: operation },
  ];
  return kinds[operation % kinds.length] ?? { kind: 'before' };
}

for (const half of ['master', 'peer'] as const) {
  test(`S4-104: power of the ${half} cut at each of its flash operations: the pair finishes`, async () => {
    for (const offers of [[both], [onlyPeer]] as const) {
      const { operations } = await settled({ offers }, 'whole');
      for (let operation = 0; operation < operations[half]; operation++) {
        const cuts = { [half]: { operation, torn: tornAt(operation) } };
        const lived = await settled({ offers, cuts }, `cut at ${operation}`);
        assert.equal(ends(lived), offers[0] === both ? '2 and 2' : '1 and 4', `cut at ${operation}`);
      }
    }
  });
}

test('S4-104: power of both is cut while the bus is bad: both run the same release', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seededRandom(seed);
    const cutIn = (operations: number) => ({ operation: random.below(operations), torn: random });
    const cuts = { master: cutIn(40), peer: cutIn(25) };
    const shares = { random: random.fork('bus'), lost: 0.1, repeated: 0.1, cut: 0.05 };
    const outage = { from: random.below(60), ms: random.below(200_000) };
    const lived = await settled({ offers: [both], cuts, bus: { shares, outage } }, `seed ${seed}`);
    assert.match(ends(lived), /^1 and 1$|^2 and 2$/, `seed ${seed}`);
  }
});

const bad: readonly (readonly [Half, Behaviour, Release, string])[] = [
  ['peer', 'crashes', both, '1 and 1'],
  ['peer', 'hangs', both, '1 and 1'],
  ['master', 'crashes', both, '1 and 1'],
  ['master', 'sick', both, '1 and 1'],
  ['master', 'hangs', both, '1 and 1'],
  ['peer', 'crashes', onlyPeer, '1 and 1'],
  ['peer', 'hangs', onlyPeer, '1 and 1'],
];

for (const [half, how, release, end] of bad) {
  const what = release === both ? 'both are rolled back' : 'it is rolled back';
  test(`S4-104: where release ${release.sequence} on the ${half} ${how}, ${what}`, async () => {
    const behaviour: PairPlan['behaviour'] = (of, running) =>
      of === half && running === release ? how : 'sound';
    const lived = await settled({ offers: [release], behaviour }, how);
    assert.equal(ends(lived), end);
    // What nobody confirmed raised no floor: a better release still gets through.
    assert.equal(ends(await settled({ offers: [release, last], behaviour }, how)), '5 and 5');
  });
}
