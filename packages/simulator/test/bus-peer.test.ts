/**
 * A peer on a bus that anybody may write to: it believes signatures and its own floor, and nobody's word. The
 * messages are made here with code of their own.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Item } from '@lapel/cbor';
import { decode, encode, hex, unhex } from '@lapel/cbor';
import type { Launch } from '@lapel/device';
import { createPeer } from '@lapel/device';
import { encodeFrame, frameReader } from '@lapel/transport/frame';
import type { NorFlash } from '../src/flash.ts';
import { norFlash } from '../src/flash.ts';
import { readFlash } from '../src/flash-reader.ts';
import { livePair } from '../src/pair-life.ts';
import type { Release } from '../src/powercut-scenario.ts';
import { workshop } from '../src/powercut-workshop.ts';
import { seededRandom } from '../src/random.ts';
import { ends, pairWorld } from './pair-world.ts';

const { plan, profiles, chips, old, both, last, onlyPeer } = await pairWorld();
const { layout } = profiles.peer;

const requests = { hello: 1, envelope: 2, image: 3, digest: 4, run: 5, settle: 6 } as const;
const answers = ['', 'status', 'wants', 'done', 'digest', 'refused', 'strange'];

type Answer = readonly [name: string, body: ReadonlyMap<number, Item>];

/** A peer with its power on, and somebody who says to it whatever they like. */
function onBus(flash: NorFlash, session = 1) {
  const heard: Uint8Array[] = [];
  const sent: { readonly name: string; readonly line: Uint8Array }[] = [];
  const started: (string | undefined)[] = [];
  const reset = (running?: Launch) =>
    createPeer({
      flash,
      profile: profiles.peer,
      ...(running === undefined ? {} : { running }),
      send: (bytes) => heard.push(bytes),
      start(launch) {
        started.push(launch === undefined ? undefined : hex(launch.digest));
        peer = reset(launch);
      },
    });
  let peer = reset();
  let number = session * 2 ** 20;
  const put = (line: Uint8Array): readonly Answer[] => {
    peer?.receive(line);
    return heard.splice(0).flatMap((bytes) => frameReader(2048).push(bytes).map(answerIn));
  };
  const say = (name: keyof typeof requests, body: ReadonlyMap<number, Item> = new Map()): Answer => {
    const line = encodeFrame(encode([1, ++number, requests[name], body]));
    sent.push({ name, line });
    const [answer] = put(line);
    return answer ?? assert.fail(`no answer to ${name}`);
  };
  const piece = (name: 'envelope' | 'image', whole: Uint8Array, offset: number) => {
    const content = whole.subarray(offset, offset + 512);
    const of: [number, Item][] = name === 'image' ? [[4, 1]] : [];
    return say(name, new Map<number, Item>([[1, whole.length], [2, offset], [3, content], ...of]));
  };
  const send = (name: 'envelope' | 'image', whole: Uint8Array): Answer => {
    for (let at = 0; ; at += 512) {
      const answer = piece(name, whole, at);
      if (at + 512 >= whole.length || answer[0] === 'refused') return answer;
    }
  };
  const of = (digest: string) => new Map<number, Item>([[1, unhex(digest) ?? new Uint8Array()]]);
  return {
    put,
    say,
    send,
    sent,
    started,
    run: (digest: string) => say('run', of(digest)),
    settle: (digest: string) => say('settle', of(digest)),
    bring(release: Release): Answer {
      const [name] = send('envelope', release.envelope);
      return name === 'wants' ? send('image', release.further?.[0] ?? release.image) : [name, new Map()];
    },
  };
}

function answerIn(payload: Uint8Array): Answer {
  const [version, , type, body] = decode(payload) as [number, number, number, Map<number, Item>];
  assert.equal(version, 1);
  return [answers[type] ?? '', body];
}

const flashOf = () => norFlash({ geometry: layout.geometry, ...chips.peer });
const stateOf = (flash: NorFlash) =>
  readFlash(flash.dump(), layout).slots.map(({ state, sequenceNumber }) =>
    `${state} ${sequenceNumber ?? ''}`.trim(),
  );
const because = ([name, body]: Answer): string => `${name}: ${body.get(3) as string}`;

/** Told, started and settled: the peer as it is after an update of both. */
function updated(release: Release) {
  const flash = flashOf();
  const bus = onBus(flash);
  bus.say('hello');
  assert.equal(bus.bring(release)[0], 'done');
  assert.equal(bus.run(release.digest)[0], 'status');
  bus.say('hello');
  assert.equal(bus.settle(release.digest)[0], 'status');
  return { flash, sent: bus.sent };
}

test('S4-104: a peer that nobody has told anything runs nothing, and noise tells it nothing', () => {
  const flash = flashOf();
  const bus = onBus(flash);
  const before = flash.operations;
  const random = seededRandom(7);
  for (let round = 0; round < 50; round++) bus.put(random.bytes(700));
  for (let length = 1; length < 99; length++) bus.put(encodeFrame(random.bytes(length)));
  const [, status] = bus.say('hello');
  assert.equal(status.get(3), undefined);
  assert.deepEqual([bus.started, flash.operations], [[], before]);
});

test('S4-104: a peer runs what was staged or settled when it is told, at each start anew', () => {
  const { flash } = updated(both);
  const bus = onBus(flash, 2);
  assert.equal(bus.say('hello')[1].get(3), undefined);
  assert.equal(bus.run(both.digest)[0], 'status');
  assert.deepEqual(bus.started, [both.digest]);
  // What runs is not started again.
  bus.say('hello');
  bus.run(both.digest);
  assert.deepEqual(bus.started, [both.digest]);
  bus.say('run');
  assert.deepEqual(bus.started, [both.digest, undefined]);
});

test('S4-104: nothing that its author did not sign is stored or run, whatever the bus says', async () => {
  const flash = flashOf();
  const bus = onBus(flash);
  bus.say('hello');
  const before = flash.operations;
  assert.match(because(bus.run('ab'.repeat(32))), /refused: expected an image that this manifest brought/);
  const [application, radio] = profiles.master.layout.components;
  const forged = await workshop(9).release(7, [application.identifier, 900], [radio?.identifier ?? [], 900]);
  assert.equal(bus.send('envelope', forged.envelope)[0], 'refused');
  for (let at = 40; at < both.envelope.length; at += 7) {
    const changed = both.envelope.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    assert.equal(bus.send('envelope', changed)[0], 'refused', `byte ${at}`);
  }
  assert.deepEqual([bus.started, flash.operations], [[], before]);

  // The envelope is right, the image is not.
  bus.send('envelope', both.envelope);
  const image = (both.further?.[0] ?? both.image).slice();
  image[5] = (image[5] ?? 0) ^ 1;
  assert.match(because(bus.send('image', image)), /refused: .*expected an image with sha-256/);
  assert.equal(bus.run(both.digest)[0], 'refused');
  assert.deepEqual(bus.started, []);
  assert.deepEqual(stateOf(flash), ['confirmed 1', 'unusable']);
});

test("S4-104: an older envelope is refused by the peer's own floor, and what it brought runs no more", () => {
  const { flash } = updated(both);
  const bus = onBus(flash, 2);
  bus.say('hello');
  const before = flash.dump();
  assert.match(because(bus.send('envelope', old.envelope)), /expected sequence number 2 or higher, found 1/);
  assert.match(because(bus.run(old.digest)), /expected sequence number 2 or higher, found 1/);
  assert.deepEqual([bus.started, flash.dump()], [[], before]);
});

test('S4-104: a whole update replayed to a peer that has gone on changes nothing', () => {
  const { sent } = updated(both);
  const { flash } = updated(last);
  const bus = onBus(flash, 2);
  const before = flash.dump();
  // Without their hello they are of a session that nobody has opened; with it, they are too old.
  for (const { line } of sent.filter(({ name }) => name !== 'hello')) {
    assert.deepEqual(
      bus.put(line).map(([name]) => name),
      ['strange'],
    );
  }
  for (const { line } of sent) bus.put(line);
  assert.deepEqual([bus.started, flash.dump()], [[], before]);
});

test('S4-104: neither what was settled nor what was told last is ever overwritten', () => {
  const flash = flashOf();
  const bus = onBus(flash);
  bus.say('hello');
  bus.bring(both);
  assert.deepEqual(stateOf(flash), ['confirmed 1', 'staged 2']);
  bus.run(both.digest);
  const refuses = (of: ReturnType<typeof onBus>) => {
    of.say('hello');
    const before = flash.dump();
    assert.match(because(of.send('envelope', last.envelope)), /expected the last update to be settled/);
    assert.deepEqual(flash.dump(), before);
  };
  refuses(bus);
  const later = onBus(flash, 2);
  refuses(later);
  // It may be gone back from; then its place is free.
  later.run(old.digest);
  later.say('hello');
  assert.equal(later.bring(last)[0], 'done');
  assert.deepEqual(stateOf(flash), ['confirmed 1', 'staged 5']);
});

test('S4-104: only what runs can be settled', () => {
  const flash = flashOf();
  const bus = onBus(flash);
  bus.say('hello');
  bus.bring(both);
  assert.match(because(bus.settle(both.digest)), /expected what is running to be settled/);
  assert.equal(readFlash(flash.dump(), layout).floor, 1);
});

test('S4-104: a request that comes twice is done once, and one that is too late not at all', () => {
  const flash = flashOf();
  const bus = onBus(flash);
  bus.say('hello');
  bus.send('envelope', both.envelope);
  const [first, second] = [bus.sent.at(-1)?.line, bus.sent[0]?.line];
  const before = flash.operations;
  assert.equal(bus.put(first ?? new Uint8Array())[0]?.[0], 'wants');
  bus.say('run', new Map());
  assert.deepEqual(bus.put(first ?? new Uint8Array()), []);
  assert.equal(bus.put(second ?? new Uint8Array())[0]?.[0], 'status');
  assert.equal(flash.operations, before);
});

test('S4-104: a master whose own half rots lets the peer rest, and installs the pair anew', async () => {
  const { flash } = await livePair({ ...plan, offers: [both] });
  const content = flash.master.dump();
  const place = profiles.master.layout.slots[1].image.address + 9;
  content[place] = (content[place] ?? 0) ^ 1;
  const now = { master: { content }, peer: { content: flash.peer.dump() } };
  // It takes a while, in which the old half must not run beside the new one.
  const lived = await livePair({ ...plan, chips: now, offers: [both], wrongPayloads: 1 });
  assert.ok(lived.ms > 200);
  assert.equal(ends(lived), '2 and 2');
  assert.deepEqual([lived.mixedMs, lived.violations], [0, []]);
});

test('S4-104: a manifest for a processor that is not there is refused, and nothing written', async () => {
  const lived = await livePair({ ...plan, offers: [both, onlyPeer], isConnected: false });
  assert.equal(lived.runs.master?.sequence, 1);
  assert.deepEqual(
    lived.steps.filter((step) => step.startsWith('failed')),
    Array.from(
      { length: 2 },
      () => 'failed: expected the processor that keeps "726164696f", found none connected',
    ),
  );
  // Its journal is written anew by the first start, as by any.
  const { journal } = profiles.master.layout;
  const [later, before] = [lived.flash.master.dump(), chips.master.content.slice()];
  for (const { address, bytes } of journal)
    for (const each of [later, before]) each.fill(0, address, address + bytes);
  assert.deepEqual(later, before);
});
