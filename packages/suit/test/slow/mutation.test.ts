/**
 * Manifests of a trusted author who makes every mistake: valid ones, changed at random where their
 * structure is, and sealed again, so that every check behind the signature is reached.
 */

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import type { Item } from '@lapel/cbor';
import { CborError, Float, Simple, Tagged, bstr, decode, encode, read, write } from '@lapel/cbor';
import { digest, macDetached, macKey } from '@lapel/cose';
import type { Answer, Effect, Envelope } from '@lapel/suit';
import {
  Digest,
  Parameters,
  SuitError,
  admit,
  authenticate,
  digestOf,
  driveSync,
  linux,
  readEnvelope,
  run,
  severableKeys,
  severableNames,
  summarise,
  wrap,
  writeEnvelope,
} from '@lapel/suit';
import { at, compatible, component, copy, fetch, forge, imageOf, match, perform } from '../forge.ts';
import { recipient, runSequence, set, tryEach } from '../forge.ts';
import { both, payloads, radioManifest, root } from '../domains.ts';
import { missing, vectorBytes } from '../public-vectors.ts';

const iterations = 20_000;
const key = macKey(new Uint8Array(32).fill(1));
const limits = { ...linux, components: 4, commands: 512 };

/** A small generator (mulberry32), so that a seed repeats a run. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

type Draw = ReturnType<typeof chance>;
/** A byte string that held CBOR, opened; it is closed again when the tree is written. */
class Opened {
  readonly content: Tree;
  constructor(content: Tree) {
    this.content = content;
  }
}
type Tree = Item | Opened | readonly Tree[] | ReadonlyMap<Tree, Tree>;

function open(item: Item): Tree {
  if (item instanceof Uint8Array) return item.length < 2 ? item : (opened(item) ?? item);
  if (Array.isArray(item)) return (item as readonly Item[]).map(open);
  if (item instanceof Map)
    return new Map([...(item as ReadonlyMap<Item, Item>)].map(([k, v]) => [open(k), open(v)]));
  return item;
}

function opened(bytes: Uint8Array): Tree | undefined {
  try {
    const inner = decode(bytes);
    return typeof inner === 'object' && inner !== null ? new Opened(open(inner)) : undefined;
  } catch (error) {
    if (error instanceof CborError) return undefined;
    throw error;
  }
}

function close(tree: Tree): Item {
  if (tree instanceof Opened) return encode(close(tree.content));
  if (Array.isArray(tree)) return (tree as readonly Tree[]).map(close);
  if (tree instanceof Map)
    return new Map([...(tree as ReadonlyMap<Tree, Tree>)].map(([k, v]) => [close(k), close(v)]));
  return tree as Item;
}

const oddities: readonly Tree[] = [
  ...[...Array(37).keys(), 255, -1, -256, -257, 2 ** 40],
  ...[2n ** 64n - 1n, true, false, null, undefined, '', '#fw', 'x'.repeat(3000), '\ufeff'],
  ...[new Uint8Array(), new Uint8Array(16), new Uint8Array(32), Uint8Array.of(0xff)],
  ...[[], [1, 1], [0, 1], [[0]], [-16, new Uint8Array(32)], new Map(), new Map([[1, 1]])],
  ...[new Float(1.5), new Simple(99), new Tagged(112, Uint8Array.of(1)), new Tagged(1, 1)],
  new Opened([]),
  new Opened([3, 15, 15, [new Uint8Array([0x82, 0x0e, 0]), null]]),
];

const childrenOf = (tree: Tree): readonly Tree[] => {
  if (tree instanceof Opened) return [tree.content];
  if (tree instanceof Map) return [...(tree as ReadonlyMap<Tree, Tree>)].flat();
  return Array.isArray(tree) ? (tree as readonly Tree[]) : [];
};

const sizeOf = (tree: Tree): number => childrenOf(tree).reduce<number>((sum, each) => sum + sizeOf(each), 1);

/** The tree with one of its nodes changed, each as likely as any other. */
const mutated = (tree: Tree, draw: Draw): Tree => changedAt(tree, draw(sizeOf(tree)), draw);

function changedAt(tree: Tree, target: number, draw: Draw): Tree {
  if (target === 0) return changed(tree, draw);
  let left = target - 1;
  const children = childrenOf(tree).map((child) => {
    const here = left >= 0 && left < sizeOf(child);
    const next = here ? changedAt(child, left, draw) : child;
    left -= sizeOf(child);
    return next;
  });
  if (tree instanceof Opened) return new Opened(children[0]);
  if (Array.isArray(tree)) return children;
  return new Map(children.flatMap((key, index) => (index % 2 === 0 ? [[key, children[index + 1]!]] : [])));
}

/**
 * Another node in the place of this one: a neighbour of its value, one with a part more or less, an oddity.
 */
function changed(tree: Tree, draw: Draw): Tree {
  const oddity = oddities[draw(oddities.length)]!;
  if (draw(4) === 0) return oddity;
  if (typeof tree === 'number') return tree + [1, -1, 256, -2 * tree][draw(4)]!;
  if (tree instanceof Map) {
    const pairs = [...(tree as ReadonlyMap<Tree, Tree>)];
    return new Map(draw(2) === 0 ? pairs.slice(1) : [...pairs, [draw(30), oddity]]);
  }
  if (!Array.isArray(tree)) return oddity;
  const items: Tree[] = [...(tree as readonly Tree[])];
  // Most arrays are sequences: pairs of command and argument are moved together.
  const pair = draw(items.length + 1) & ~1;
  const how = draw(4);
  if (how === 0) items.splice(pair, 2);
  else if (how === 1) items.splice(draw(items.length + 1) & ~1, 0, ...items.slice(pair, pair + 2));
  else if (how === 2) items.push(...items.splice(pair, 2));
  else items.splice(pair, 0, draw(34), oddity);
  return items;
}

const firmware = new TextEncoder().encode('firmware');
const two = [component(0), component(1)];

function originals(): readonly Envelope[] {
  const compatibility = [at(true), set({ ...imageOf(firmware), sourceComponent: 0 }), ...compatible];
  const nested = runSequence(set({ softFailure: true }), at([1, 0]), tryEach([match], [copy, match], null));
  const written = set({ content: firmware });
  const managed = ['use-before', 'minimum-battery', 'update-authorized', 'version'] as const;
  const forged = [
    forge({
      shared: [set(imageOf(firmware)), ...compatible],
      sections: { install: [set({ uri: '#fw' }), fetch, match], validate: [match] },
      text: {
        rest: [['en', { updateDescription: 'New light', rest: [[component(0), { modelName: 'Lamp' }]] }]],
      },
      severable: ['install', 'text'],
      payloads: new Map([['#fw', firmware]]),
    }),
    forge({
      components: two,
      shared: compatibility,
      sections: {
        payloadFetch: [at(0), set({ uri: 'http://example.com/f', componentSlot: 0 }), fetch],
        install: [
          at(1),
          nested,
          tryEach([perform('condition-component-slot')], [perform('directive-swap')], null),
        ],
        validate: [at(true), match],
        load: [at(1), written, perform('directive-write'), perform('condition-check-content')],
        invoke: [at(0), perform('directive-invoke', 15)],
      },
    }),
    forge({
      sections: {
        payloadFetch: [
          set({ useBefore: 9, minimumBattery: 9, updatePriority: 9, waitInfo: { time: 9, power: 1 } }),
          set({
            version: ['lesser', [2, -1]],
            componentMetadata: { fileType: 'regular' },
            content: firmware,
          }),
          ...managed.map((name) => perform(`condition-${name}`)),
          perform('directive-wait'),
          perform('directive-write'),
          { name: 'directive-override-multiple', byIndex: [[0, write(Parameters, { uri: '#fw' })]] },
          { name: 'directive-copy-params', from: [[0, [4, 28]]] },
        ],
      },
    }),
    root(radioManifest()),
  ];
  const examples = missing === false ? [0, 1, 2, 3, 4, 5] : [];
  const published = examples.map((each) => vectorBytes('manifest-spec-37', `example${each}-signed.suit`));
  return [...forged, ...published].map((bytes) => readEnvelope(bytes, limits));
}

/**
 * Sealed anew, with digests of what now stands in the envelope so that severed elements are looked into,
 * too.
 */
function reseal(original: Envelope, content: Item, draw: Draw): Uint8Array {
  let { severed } = original;
  if (content instanceof Map && draw(2) === 0) {
    for (const name of severableNames) {
      const element = severed[name];
      if (element === undefined) continue;
      const changed = wrap(encode(close(mutated(open(decode(read(bstr, element))), draw))));
      severed = { ...severed, [name]: changed };
      content.set(severableKeys[name], [-16, digest('sha-256', changed)]);
    }
  }
  const manifest = wrap(encode(content));
  const named = write(Digest, digestOf({ algorithm: 'sha-256', bytes: digest('sha-256', manifest) }));
  return writeEnvelope({ ...original, severed, digest: named, blocks: [macDetached(key, named)], manifest });
}

/** Undefined for a tree that has no encoding, such as one with two equal keys. */
function resealed(original: Envelope, mutant: Tree, draw: Draw): Uint8Array | undefined {
  try {
    return reseal(original, close(mutant), draw);
  } catch (error) {
    if (error instanceof CborError) return undefined;
    throw error;
  }
}

/** Everything that a device or server does with an envelope. Says how far it came. */
function judge(envelope: Uint8Array, draw: Draw): string {
  const device = recipient({
    limits,
    components: { '00': firmware, '01': new Uint8Array(), '0001': firmware, '0d': firmware },
    anchors: both,
    payloads,
    time: 8,
    batteryMilliwattHours: 9,
    version: [1, 2],
    authorize: (priority) => priority > 8,
    waits: ({ power }) => power === 1,
  });
  let effects = 0;
  const answer = (effect: Effect): Answer => {
    assert.ok(++effects <= limits.commands, 'more effects than commands');
    if (effect.do === 'identify' || effect.do === 'slot') return draw(8) > 0;
    return effect.do === 'fetch' && !payloads.has(effect.uri) ? undefined : device.perform(effect);
  };
  return orRefused(() => {
    const authentic = authenticate(envelope, [{ key }], limits);
    orRefused(() => String(summarise(authentic, limits).sequenceNumber));
    const admitted = admit(authentic, device);
    const endings = (['update', 'invocation'] as const).map((each) => driveSync(run(admitted, each), answer));
    return endings.map(({ failure }) => failure?.error.reason ?? 'ok').join(' ');
  });
}

/** What `act` says, or the stage at which a SuitError ended it; no other error is caught. */
function orRefused(act: () => string): string {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof SuitError)) throw error;
    assert.ok(error.message.length < 1000, `a message of ${error.message.length} characters`);
    return error.stage;
  }
}

test('S4-50: whatever a trusted author writes, the only error is a SuitError, and it ends', () => {
  const seed = Number(process.env['LAPEL_SEED'] ?? randomInt(2 ** 31));
  const draw = chance(seed);
  const sources = originals().map((envelope) => ({
    envelope,
    tree: open(decode(read(bstr, envelope.manifest))),
  }));
  const met = new Map<string, number>();
  for (let iteration = 0; iteration < iterations; iteration++) {
    const { envelope, tree } = sources[draw(sources.length)]!;
    let mutant = tree;
    for (let left = draw(3); left >= 0; left--) mutant = mutated(mutant, draw);
    const sealed = resealed(envelope, mutant, draw);
    if (sealed === undefined) continue;
    try {
      const verdict = judge(sealed, draw);
      met.set(verdict, (met.get(verdict) ?? 0) + 1);
    } catch (error) {
      throw new Error(`LAPEL_SEED=${seed}, iteration ${iteration}`, { cause: error });
    }
  }
  for (const verdict of ['parse', 'setup', 'ok ok']) {
    assert.ok(
      (met.get(verdict) ?? 0) > 0,
      `LAPEL_SEED=${seed} met no ${verdict}: ${[...met.keys()].join(', ')}`,
    );
  }
});
