/** draft-ietf-suit-manifest-37 §9: what a signer may touch. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from '@lapel/suit';
import {
  radioAuthor,
  both,
  app,
  radio,
  slot,
  firmware,
  radioFirmware,
  uri,
  radioManifest,
  root,
  device,
} from './domains.ts';
import type { Forgery } from './forge.ts';
import {
  anchors,
  at,
  attempt,
  fail,
  forge,
  imageOf,
  perform,
  process,
  refusal,
  set,
  setUnset,
  tryEach,
} from './forge.ts';

test('S1-06, S4-61, S4-77, X-13: a signer touches its own components, or is stopped unfetched', () => {
  const own = [
    { ...anchors[0]!, permissions: { components: [app, slot] } },
    { key: radioAuthor.public, permissions: { components: [radio] } },
  ];
  const run = (dependency: Uint8Array, forgery: Partial<Forgery> = {}) => {
    const by = device({ anchors: own });
    const { failure } = attempt(root(dependency, forgery), by, 'update', own);
    return failure === undefined
      ? by.trace.join(', ')
      : `${failure.error.reason} after ${by.trace.join(', ')}`;
  };
  assert.equal(run(radioManifest()), 'write 0d, fetch 01, fetch 00');
  const write = (...at_: readonly Command[]) => [
    ...at_,
    set({ content: firmware }),
    perform('directive-write'),
  ];
  const greedy = radioManifest({ components: [app], sections: { install: write() } });
  assert.equal(run(greedy), 'component-unauthorised after write 0d');
  const hidden = radioManifest({
    components: [radio, app],
    sections: { install: [at(0), tryEach([fail], [at(1), perform('directive-write')])] },
  });
  assert.equal(run(hidden), 'component-unauthorised after write 0d');
  // To swap changes the source, too.
  const swap = [at(0), set({ sourceComponent: 1 }), perform('directive-swap')];
  const swapping = radioManifest({ components: [radio, app], sections: { install: swap } });
  assert.match(run(swapping), /^component-unauthorised after write 0d/);
});

test('X-07, X-13, X-51: of a foreign component a signer sets where it is, never what it must be', () => {
  const own = [
    { ...anchors[0]!, permissions: { components: [app, slot] } },
    { key: radioAuthor.public, permissions: { components: [radio] } },
  ];
  const install = (...commands: readonly Command[]) =>
    radioManifest({ components: [radio, app], sections: { install: [at(1), ...commands] } });
  const run = (dependency: Uint8Array) => {
    const { failure } = attempt(root(dependency), device({ anchors: own }), 'update', own);
    return failure?.error.reason ?? 'ok';
  };
  assert.equal(run(install(set({ uri: 'http://cache.example/app' }))), 'ok');
  assert.equal(run(install(setUnset({ uri }))), 'ok');
  for (const command of [
    set(imageOf(radioFirmware)),
    setUnset({ content: firmware }),
    { name: 'directive-copy-params', from: [[0, [3]]] },
  ] as const) {
    assert.equal(run(install(command)), 'component-unauthorised');
  }
});

test('X-88, §9: a root manifest is kept where its signer may keep something', () => {
  const envelope = forge({ componentIdentifier: radio, sections: { validate: [fail] } });
  const limited = [{ ...anchors[0]!, permissions: { components: [app] } }];
  assert.throws(
    () => process(envelope, device(), 'update', limited),
    refusal('setup', 'component-unauthorised'),
  );
  assert.throws(() => process(envelope, device(), 'update', both), refusal('run', 'condition-failed'));
});
