/**
 * What one more component, and one more dependency, costs where there are many already: as much as the first
 * ones, or the cost would grow faster than the manifest. Told for 2, 4 and 8 times as many, each against the
 * fewest.
 */

import type { AdmittedManifest, Answer, ComponentIdentifier, Effect, Recipient } from '@lapel/suit';
import { admit, authenticate, componentName, driveSync, run, server } from '@lapel/suit';
import { digestIn } from '../test/domains.ts';
import { anchors, at, component, fetch, forge, imageOf, match, perform, set } from '../test/forge.ts';
import type { Figure } from '../../../tools/figure.ts';

const timesAsMany = [2, 4, 8] as const;
/** More of them would hit the limits of a server: 128 components, 64 dependencies. */
const [fewestComponents, fewestDependencies] = [16, 8] as const;
const rounds = 15;

export const figures: readonly Figure[] = timesAsMany.flatMap((times) => [
  growth('component', times, fewestComponents, withComponents),
  growth('dependency', times, fewestDependencies, withDependencies),
]);

function growth(what: string, times: number, fewest: number, workOf: (count: number) => () => void): Figure {
  return {
    room: 'suit',
    name: `admit and run: each ${what} of ${fewest * times}`,
    unit: `× each of ${fewest}`,
    aim: '≤ 1.5',
    atMost: 1.5,
    measure: () => perUnit(workOf(fewest), workOf(fewest * times), times),
  };
}

/** As much work on either side, turn by turn; the best of many. */
function perUnit(few: () => void, many: () => void, times: number): number {
  const [fewMs, manyMs]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    fewMs.push(
      elapsedMs(() => {
        for (let left = times; left > 0; left--) few();
      }),
    );
    manyMs.push(elapsedMs(many));
  }
  return Math.min(...manyMs) / Math.min(...fewMs);
}

function elapsedMs(act: () => void): number {
  const started = performance.now();
  act();
  return performance.now() - started;
}

const image = new TextEncoder().encode('an image');
const named = imageOf(image);
const imageDigest = named.imageDigest?.[1];

const many = (count: number): readonly ComponentIdentifier[] =>
  Array.from({ length: count }, (_, index) => component(index >> 4, index & 15));

const recipient = (components: readonly ComponentIdentifier[]): Recipient => {
  const names = new Set(components.map(componentName));
  return {
    limits: server,
    hasComponent: (each) => names.has(componentName(each)),
    floor: () => undefined,
    dependencies: { anchors, countMax: 1024, depthMax: 2 },
  };
};

function drive(admitted: AdmittedManifest, answer: (effect: Effect) => Answer): void {
  const { failure } = driveSync(run(admitted, 'update'), answer);
  if (failure !== undefined) throw failure.error;
}

/** Each is fetched and compared. Its signature is one, however many there are, and no part of it. */
function withComponents(count: number): () => void {
  const components = many(count);
  const install = components.flatMap((_, index) => [
    at(index),
    set({ uri: 'http://example.com/image', ...named }),
    fetch,
    match,
  ]);
  const authentic = authenticate(forge({ components, sections: { install } }), anchors, server);
  const by = recipient(components);
  const answer = (effect: Effect): Answer =>
    effect.do === 'identify' ? true : effect.do === 'digest' ? imageDigest : undefined;
  return () => drive(admit(authentic, by), answer);
}

/** Each has a signature, which is checked, and an image of its own. */
function withDependencies(count: number): () => void {
  const all = many(2 * count);
  const [manifests, images] = [all.slice(0, count), all.slice(count)];
  const envelopes = new Map(
    manifests.map((manifest, index) => {
      const install = [set({ uri: 'http://example.com/image', ...named }), fetch, match];
      const envelope = forge({ components: images.slice(index, index + 1), sections: { install } });
      return [componentName(manifest), envelope] as const;
    }),
  );
  const install = [...envelopes.values()].flatMap((envelope, index) => [
    at(index),
    set(digestIn(envelope)),
    perform('condition-dependency-integrity'),
    perform('directive-process-dependency'),
  ]);
  const root = forge({
    components: manifests,
    dependencies: manifests.map((_, index) => [index, {}] as const),
    sections: { install },
  });
  const authentic = authenticate(root, anchors, server);
  const by = recipient(all);
  const answer = (effect: Effect): Answer => {
    if (effect.do === 'envelope') return envelopes.get(componentName(effect.component));
    return effect.do === 'identify' ? true : effect.do === 'digest' ? imageDigest : undefined;
  };
  return () => drive(admit(authentic, by), answer);
}
