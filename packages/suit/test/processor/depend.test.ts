/** draft-ietf-suit-trust-domains-12 §5: dependencies are checked, processed and never left out. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateSigningKey } from '@lapel/cose';
import type { Command, Effect, Parameters } from '@lapel/suit';
import { linux, readEnvelope, writeEnvelope } from '@lapel/suit';
import {
  both,
  app,
  radio,
  slot,
  integrity,
  processing,
  firmware,
  radioFirmware,
  uri,
  radioUri,
  payloads,
  digestIn,
  radioManifest,
  root,
  device,
  outcome,
} from '../domains.ts';
import type { Forgery } from '../forge.ts';
import {
  anchors,
  at,
  attempt,
  author,
  compatible,
  component,
  fail,
  fetch,
  imageOf,
  match,
  perform,
  refusal,
  set,
  setUnset,
  tryEach,
} from '../forge.ts';

test('S0-07, S1-06, S4-75, S4-84: a manifest installs with its dependency, each by its own author', () => {
  assert.equal(outcome(root(radioManifest())), 'write 0d, fetch 01, fetch 00');
});

test('S4-62, X-88: every dependency is resolved before any payload is fetched', () => {
  const dependency = radioManifest({
    sections: { payloadFetch: [set({ uri: radioUri, ...imageOf(radioFirmware) }), fetch, match] },
  });
  const payloadFetch = [at(0), set({ uri, ...imageOf(firmware) }), fetch, match, at(1), processing];
  const dependencyResolution = [
    at(1),
    set({ uri: 'coap://x/dependency', ...digestIn(dependency) }),
    fetch,
    integrity,
    processing,
  ];
  const envelope = root(dependency, { sections: { dependencyResolution, payloadFetch } });
  const served = new Map([...payloads, ['coap://x/dependency', dependency]]);
  assert.equal(outcome(envelope, { payloads: served }), 'fetch 0d, fetch 00, fetch 01');
  assert.equal(outcome(envelope), 'operation-failed after fetch 0d');
});

test('X-88: a dependency is processed only after an integrity check, and anew after it has changed', () => {
  const dependency = radioManifest({ sections: { install: [fail] } });
  const named = set({ uri: '#radio', ...digestIn(dependency) });
  const payloadsOf = { payloads: new Map([['#radio', dependency]]) };
  const run = (...install: readonly Command[]) =>
    outcome(root(dependency, { sections: { install: [at(1), named, ...install] }, ...payloadsOf }));
  assert.equal(run(fetch, integrity, processing), 'condition-failed after write 0d');
  assert.equal(run(fetch, processing), 'operation-failed after write 0d');
  // An image match is no integrity check.
  assert.equal(run(fetch, match, processing), 'operation-failed after write 0d');
  assert.equal(run(fetch, integrity, fetch, processing), 'operation-failed after write 0d, write 0d');
  assert.equal(run(integrity, processing), 'operation-failed after ');
});

test('X-88, §5.6.2: of every component, process-dependency means the dependencies', () => {
  const dependency = radioManifest({
    sections: { install: [set({ content: firmware }), perform('directive-write')] },
  });
  const named = set({ uri: '#radio', ...digestIn(dependency) });
  const install = [at(1), named, fetch, integrity, at(true), processing];
  assert.equal(outcome(root(dependency, { sections: { install } })), 'write 0d, write 01');
  const listed = [at(1), named, fetch, integrity, at([0, 1]), processing];
  assert.equal(
    outcome(root(dependency, { sections: { install: listed } })),
    'operation-failed after write 0d',
  );
});

test('X-88, §8.4: is-dependency tells dependencies from other components', () => {
  const dependency = radioManifest();
  const isDependency = perform('condition-is-dependency');
  const install = [
    at(1),
    set({ uri: '#radio', ...digestIn(dependency) }),
    at(0),
    set({ uri, ...imageOf(firmware) }),
    at(true),
    tryEach([isDependency, fetch, integrity, processing], [fetch, match]),
  ];
  const validate = [at(1), processing];
  assert.equal(
    outcome(root(dependency, { sections: { install, validate } })),
    'fetch 00, write 0d, fetch 01',
  );
});

test('S0-07, X-88: a dependency that is left out anywhere is noticed', () => {
  const dependency = radioManifest();
  const named = set({ uri: '#radio', ...digestIn(dependency) });
  const resolved = [at(1), named, fetch, integrity];
  const never = root(dependency, { sections: { install: resolved } });
  assert.throws(() => attempt(never, device(), 'update', both), refusal('setup', 'command-unsupported', /1/));
  // The dependency has validate, too.
  const once = root(dependency, { sections: { install: [...resolved, processing] } });
  assert.equal(outcome(once), 'operation-failed after write 0d, fetch 01');
  // It has install, which had ended before anything was known of it.
  const held = { components: { '00': firmware, '01': radioFirmware, '0d': dependency } };
  const install = [at(0), set(imageOf(firmware)), match];
  const validate = [at(1), named, integrity, processing];
  const tooLate = root(dependency, { sections: { install, validate } });
  assert.equal(outcome(tooLate, held), 'operation-failed after ');
  // To invoke without it would be to start what nobody has checked.
  const invoke = [at(0), perform('directive-invoke')];
  const bare = root(dependency, { sections: { install: [...resolved, processing], invoke } });
  const by = device(held);
  const { failure } = attempt(bare, by, 'invocation', both);
  assert.match(failure?.error.message ?? '', /invocation procedure to process dependency 1/);
  assert.deepEqual(by.trace, []);
});

test('S4-55, X-88: another signature and a severed element leave the reference valid', () => {
  const forgery: Partial<Forgery> = { text: { rest: [] }, severable: ['text'] };
  const dependency = radioManifest(forgery);
  const cut = radioManifest({ ...forgery, severed: ['text'], key: author });
  assert.deepEqual(digestIn(cut), digestIn(dependency));
  assert.notEqual(cut.length, dependency.length);
  assert.equal(
    outcome(root(dependency, { payloads: new Map([['#radio', cut]]) })),
    'write 0d, fetch 01, fetch 00',
  );
  // §5.2.2: an image match is over the manifest alone, too.
  const matching = [
    at(1),
    set({ uri: '#radio', ...digestIn(dependency) }),
    fetch,
    match,
    integrity,
    processing,
  ];
  const sections = { install: matching, validate: [at(1), processing] };
  const swapped = new Map([['#radio', cut]]);
  assert.equal(outcome(root(dependency, { sections, payloads: swapped })), 'write 0d, fetch 01');
  const other = new Map([['#radio', radioManifest({ sequenceNumber: 2 })]]);
  assert.equal(outcome(root(dependency, { sections, payloads: other })), 'condition-failed after write 0d');
});

test('S0-07, X-88: a dependency that is not the named one, not trusted or not sound aborts', () => {
  const dependency = radioManifest();
  const instead = (other: Uint8Array) =>
    outcome(root(dependency, { payloads: new Map([['#radio', other]]) }));
  assert.equal(instead(radioManifest({ sequenceNumber: 2 })), 'operation-failed after write 0d');
  assert.equal(instead(radioManifest({ key: generateSigningKey('P-256') })), 'unauthorised after write 0d');
  assert.equal(instead(Uint8Array.of(1, 2, 3)), 'cbor-parse after write 0d');
  assert.equal(outcome(root(dependency), { anchors }), 'unauthorised after write 0d');
  // A component that the device has not, and a manifest of another kind of device.
  const foreign = radioManifest({ components: [component(9)] });
  assert.equal(outcome(root(foreign)), 'component-unsupported after write 0d');
  const elsewhere = radioManifest({
    shared: [set({ classIdentifier: new Uint8Array(16) }), ...compatible.slice(1)],
  });
  assert.equal(outcome(root(elsewhere)), 'condition-failed after write 0d');
  const envelope = readEnvelope(dependency, linux);
  const flipped = new Uint8Array(envelope.manifest);
  flipped[flipped.length - 1]! ^= 1;
  assert.equal(instead(writeEnvelope({ ...envelope, manifest: flipped })), 'unauthorised after write 0d');
});

test('S0-07: a Recipient without dependencies refuses a manifest that has some', () => {
  const { dependencies: _, ...without } = device();
  assert.throws(
    () => attempt(root(radioManifest()), without, 'update', both),
    refusal('setup', 'component-unsupported', /without dependencies/),
  );
});

test('X-24, §5.6.1: a dependent replaces what its dependency only suggests, never what it demands', () => {
  const suggested = (where: Command) =>
    radioManifest({ sections: { install: [where, set(imageOf(radioFirmware)), fetch, match] } });
  const cache = 'http://cache.example/radio';
  const run = (dependency: Uint8Array, digestFromAbove: Parameters = {}) => {
    const by = device({ payloads: new Map([...payloads, [cache, radioFirmware]]) });
    const install = [
      at(1),
      set({ uri: '#radio', ...digestIn(dependency) }),
      fetch,
      integrity,
      at(2),
      setUnset({ uri: cache, ...digestFromAbove }),
      at(1),
      processing,
    ];
    const asked: string[] = [];
    const listening = {
      ...by,
      perform: (effect: Effect) => {
        if (effect.do === 'fetch') asked.push(effect.uri);
        return by.perform(effect);
      },
    };
    const envelope = root(dependency, { components: [app, slot, radio], sections: { install } });
    const { failure } = attempt(envelope, listening, 'update', both);
    return failure?.error.reason ?? asked.join(', ');
  };
  assert.equal(run(suggested(setUnset({ uri: radioUri }))), cache);
  assert.equal(run(suggested(set({ uri: radioUri }))), radioUri);
  // A digest from above comes to nothing: the dependency overrides it.
  assert.equal(run(suggested(set({ uri: radioUri })), imageOf(firmware)), radioUri);
});
