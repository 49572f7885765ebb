/** trust-domains-12 §5.6.5, §6: who counts who needs what, and what goes when nobody needs it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linux, readEnvelope } from '@lapel/suit';
import { app, digestIn, firmware, integrity, processing, radio, radioAuthor } from '../domains.ts';
import { both, device, radioFirmware, radioUri, slot, unlink, uri } from '../domains.ts';
import { at, attempt, component, fetch, forge, imageOf, match, set, tryEach } from '../forge.ts';

const otherApp = component(2);

/** Left as it is where it is what it should be: what somebody needs is not to be written again. */
const kept = (source: string, name: ReturnType<typeof imageOf>) =>
  tryEach([set(name), match], [set({ ...name, uri: source }), fetch, match]);

const shared = forge({
  components: [radio],
  sections: {
    install: [kept(radioUri, imageOf(radioFirmware))],
    validate: [set(imageOf(radioFirmware)), match],
    uninstall: [unlink],
  },
  key: radioAuthor,
});

/** A root for one of two applications, each with the same radio below it. */
const rootFor = (own: typeof app) =>
  forge({
    components: [own, slot],
    dependencies: [[1, {}]],
    sections: {
      dependencyResolution: [at(1), kept('#radio', digestIn(shared)), integrity, processing],
      install: [at(1), integrity, processing, at(0), set({ uri, ...imageOf(firmware) }), fetch, match],
      validate: [at(1), integrity, processing, at(0), match],
      uninstall: [at(1), set(digestIn(shared)), integrity, unlink, at(0), unlink],
    },
    payloads: new Map([['#radio', shared]]),
  });
const [first, second] = [rootFor(app), rootFor(otherApp)];

const digestHex = (envelope: Uint8Array) =>
  Buffer.from(readEnvelope(envelope, linux).digest.slice(-32)).toString('hex');

/** A device on which both are installed, one after the other. */
function withBoth() {
  const none = new Uint8Array();
  const references = new Map<string, Set<string>>();
  const by = device({ references, components: { '00': none, '01': none, '02': none, '0d': none } });
  for (const envelope of [first, second]) {
    const { failure, needs = [] } = attempt(envelope, by, 'update', both);
    assert.equal(failure, undefined);
    by.remember(needs);
  }
  return { by, references };
}

test('X-88, §5.6.5: two manifests share a dependency, and each is counted once', () => {
  const { by, references } = withBoth();
  assert.deepEqual(by.trace, ['write 0d', 'fetch 01', 'fetch 00', 'fetch 02']);
  const roots = new Set([digestHex(first), digestHex(second)]);
  assert.deepEqual(references.get('0d'), roots);
  assert.deepEqual(references.get('01'), new Set([digestHex(shared)]));
  assert.deepEqual(references.get('00'), new Set([digestHex(first)]));
  // The same once more, on a device that lost the power before it had noted that.
  const again = device({ components: Object.fromEntries(by.components) });
  by.remember(attempt(second, again, 'update', both).needs ?? []);
  assert.deepEqual(references.get('0d'), roots);
});

test('X-88, §5.6.5, §6: a shared dependency goes with the last that needs it, and its own with it', () => {
  const { by, references } = withBoth();
  const uninstall = (envelope: Uint8Array) => {
    by.trace.length = 0;
    assert.equal(attempt(envelope, by, 'uninstall', both).failure, undefined);
    return by.trace.join(', ');
  };
  assert.equal(uninstall(first), 'unlink 0d, unlink 00, remove 00');
  assert.equal(by.components.get('01')?.length, radioFirmware.length);
  // The same manifest takes away nothing more, however often it is uninstalled.
  assert.equal(uninstall(first), 'unlink 0d, unlink 00');
  assert.deepEqual(references.get('0d'), new Set([digestHex(second)]));
  assert.equal(uninstall(second), 'unlink 0d, remove 0d, unlink 01, remove 01, unlink 02, remove 02');
  assert.ok([...by.components.values()].every(({ length }) => length === 0));
});

test('X-88, §5.6.5: what somebody needs is neither written nor fetched nor copied over', () => {
  const { by } = withBoth();
  const content = set({ content: firmware, sourceComponent: 1 });
  for (const name of ['directive-write', 'directive-fetch', 'directive-copy'] as const) {
    const envelope = forge({
      sequenceNumber: 2,
      components: [radio, app],
      sections: { install: [at(0), content, set({ uri }), { name, policy: 0 }] },
      key: radioAuthor,
    });
    const { failure } = attempt(envelope, by, 'update', both);
    assert.match(failure?.error.message ?? '', /expected 01 to be unlinked, found 1 references/, name);
  }
  assert.deepEqual(by.components.get('01'), radioFirmware);
});

test('X-88: an update that fails adds no reference, nor does a start', () => {
  const by = device({ payloads: new Map() });
  assert.equal(attempt(first, by, 'update', both).needs, undefined);
  const { by: whole } = withBoth();
  assert.equal(attempt(first, whole, 'invocation', both).needs, undefined);
});
