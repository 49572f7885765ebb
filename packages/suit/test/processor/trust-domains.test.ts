/** draft-ietf-suit-trust-domains-12: where dependencies lie, how many there may be, and how they go. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linux, readEnvelope, strict } from '@lapel/suit';
import {
  both,
  app,
  slot,
  integrity,
  processing,
  unlink,
  firmware,
  radioFirmware,
  uri,
  digestIn,
  radioManifest,
  root,
  device,
  outcome,
} from '../domains.ts';
import {
  at,
  attempt,
  compatible,
  component,
  fail,
  fetch,
  forge,
  imageOf,
  match,
  perform,
  process,
  recipient,
  refusal,
  set,
} from '../forge.ts';
import { exampleKey, missing, vectorBytes } from '../public-vectors.ts';

test('trap 12, §5.2.2: both readings of a dependency index are taken, and a gap is none', () => {
  const dependency = radioManifest();
  const install = [at(1), set({ uri: '#radio', ...digestIn(dependency) }), fetch, integrity, processing];
  const sections = { install, validate: [at(1), processing] };
  const among = root(dependency, { sections });
  const behind = root(dependency, {
    components: [app],
    dependencies: [[1, { prefix: slot }]],
    sections,
    shared: [at(true), ...compatible],
  });
  assert.equal(outcome(among), 'write 0d, fetch 01');
  assert.equal(outcome(behind), 'write 0d, fetch 01');
  for (const dependencies of [[[2, { prefix: slot }]], [[1, {}]]] as const) {
    const wrong = root(dependency, {
      components: [app],
      dependencies,
      sections,
      shared: [at(true), ...compatible],
    });
    assert.throws(() => attempt(wrong, device(), 'update', both), refusal('setup', 'component-unsupported'));
  }
});

test('X-88, §5.2.2: a prefix stands before the component identifiers of a dependency', () => {
  const dependency = radioManifest();
  const envelope = root(dependency, { dependencies: [[1, { prefix: component(7) }]] });
  const components = { '00': firmware, '01': firmware, '0d': firmware, '07/01': firmware };
  assert.equal(outcome(envelope, { components }), 'write 0d, fetch 07/01, fetch 00');
  assert.equal(outcome(envelope), 'component-unsupported after write 0d');
});

test('X-88: dependencies of dependencies are bounded in depth and number', () => {
  const nest = (inner: Uint8Array): Uint8Array =>
    forge({
      components: [slot],
      dependencies: [[0, {}]],
      sections: { install: [set({ uri: '#d', ...digestIn(inner) }), fetch, integrity, processing] },
      payloads: new Map([['#d', inner]]),
    });
  let envelope = forge({ sections: { install: [set({ content: firmware }), perform('directive-write')] } });
  for (let depth = 0; depth < 4; depth++) envelope = nest(envelope);
  assert.equal(outcome(envelope), 'write 0d, write 0d, write 0d, write 0d, write 00');
  assert.equal(
    outcome(nest(envelope)),
    'operation-failed after write 0d, write 0d, write 0d, write 0d, write 0d',
  );
  const again = Array.from({ length: 9 }, () => integrity);
  const many = root(radioManifest(), {
    sections: {
      install: [at(1), set({ uri: '#radio', ...digestIn(radioManifest()) }), fetch, ...again, processing],
    },
  });
  assert.equal(outcome(many).split(' ')[0], 'operation-failed');
});

test('X-88, §5.6.5, §6: what nobody needs any more uninstalls itself, once', () => {
  const dependency = radioManifest({ sections: { uninstall: [unlink] } });
  const uninstall = [at(1), set(digestIn(dependency)), integrity, unlink, at(0), unlink];
  const envelope = root(dependency, {
    sections: { install: [at(1), set(digestIn(dependency)), integrity, processing], uninstall },
  });
  const own = Buffer.from(readEnvelope(envelope, linux).digest.slice(-32)).toString('hex');
  const run = (others: readonly string[]) => {
    const references = new Map([['0d', new Set([own, ...others])]]);
    const by = device({ references, components: { '00': firmware, '01': firmware, '0d': dependency } });
    const ending = attempt(envelope, by, 'uninstall', both);
    assert.equal(ending.failure, undefined);
    return by.trace.join(', ');
  };
  assert.equal(run([]), 'unlink 0d, remove 0d, unlink 01, remove 01, unlink 00, remove 00');
  assert.equal(run(['another manifest']), 'unlink 0d, unlink 00, remove 00');
  // A component with references is not to be overwritten.
  const references = new Map([['0d', new Set(['another manifest'])]]);
  assert.equal(outcome(root(radioManifest()), { references }), 'operation-failed after write 0d');
  const unchecked = root(dependency, {
    sections: { install: [at(1), processing], uninstall: [at(1), unlink] },
  });
  assert.equal(attempt(unchecked, device(), 'uninstall', both).failure?.error.reason, 'operation-failed');
});

test('X-88, §7: staging and installation are halves of the update', () => {
  const image = set({ uri, ...imageOf(firmware) });
  const sections = { payloadFetch: [image, fetch], candidateVerification: [image, match], install: [fail] };
  const by = device();
  assert.equal(attempt(forge({ sections }), by, 'staging', both).failure, undefined);
  assert.deepEqual(by.trace, ['fetch 00']);
  const candidate = (content: Uint8Array) =>
    attempt(forge({ sections }), device({ components: { '00': content } }), 'installation', both).failure;
  assert.match(candidate(radioFirmware)?.error.message ?? '', /candidateVerification \(18\)/);
  assert.match(candidate(firmware)?.error.message ?? '', /install \(20\)/);
});

test('X-88: dependency resolution and candidate verification can be severed', () => {
  const severable = ['dependencyResolution', 'candidateVerification'] as const;
  const sections = { candidateVerification: [match], dependencyResolution: [set(imageOf(firmware))] };
  const held = { components: { '00': firmware } };
  process(forge({ sections, severable }), device(held), 'update', both);
  for (const severed of severable) {
    const cut = forge({ sections, severable, severed: [severed] });
    assert.throws(() => process(cut, device(held), 'update', both), refusal('run', 'severing-unsupported'));
  }
});

test('X-90: a record of a dependency names the way to it', () => {
  const dependency = radioManifest({
    sections: { install: [set(imageOf(firmware)), perform('condition-image-match', 2)] },
  });
  const { records, failure } = attempt(root(dependency), device(), 'update', both);
  assert.deepEqual(
    records.map(({ manifestId, section, component: index }) => [manifestId, section, index]),
    [[[1], 20, 0]],
  );
  assert.deepEqual(failure?.record.manifestId, [1]);
});

test(
  'trap 12: the examples of trust-domains-12 run, but where no integrity is checked',
  { skip: missing },
  () => {
    const example = (name: string) => vectorBytes('trust-domains-12', `${name}.suit`);
    const trusted = [{ key: exampleKey().public }];
    const none = new Uint8Array();
    const run = (name: string) => {
      const by = recipient({
        // They compare neither vendor nor class.
        policy: { ...strict, acceptsAnyClass: true },
        anchors: trusted,
        components: { '3130': none, '3030': none, '646570656e64656e742e73756974': none },
        payloads: new Map([['http://example.com/dependent.suit', example('example0_dependent')]]),
      });
      const { failure } = attempt(example(name), by, 'update', trusted);
      return failure?.error.message ?? by.trace.join(', ');
    };
    assert.equal(run('example0_dependent'), 'write 3030');
    assert.equal(run('example1_process'), 'fetch 646570656e64656e742e73756974, write 3030, write 3130');
    assert.match(run('example2_integrated'), /expected a dependency whose integrity was checked at 1/);
  },
);
