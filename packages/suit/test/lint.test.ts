/** Each rule of the linter is broken by a manifest that breaks no other, and by none of the honest ones. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { write } from '@lapel/cbor';
import { digest, signDetached } from '@lapel/cose';
import type { Command, Envelope } from '@lapel/suit';
import {
  Digest,
  Manifest,
  class1,
  digestOf,
  readEnvelope,
  server,
  vendorIdentifier,
  wrap,
  writeEnvelope,
  writeSequence,
} from '@lapel/suit';
import type { RuleName } from '@lapel/suit/lint';
import { lint, rules } from '@lapel/suit/lint';
import type { Forgery } from './forge.ts';
import {
  at,
  author,
  compatible,
  component,
  copy,
  fail,
  fetch,
  forge,
  match,
  perform,
  set,
  setUnset,
  tryEach,
} from './forge.ts';
import { forged, honest, image, install, installing, named, pair, shared, uri, validate } from './linted.ts';

test('S0-31: an honest manifest breaks no rule', () => assert.deepEqual(lint(forge(honest)), []));

const of = (content: Uint8Array): Digest =>
  digestOf({ algorithm: 'sha-256', bytes: digest('sha-256', content) });

/** The honest manifest with other elements. */
const contentOf = (change: Partial<Manifest>): Uint8Array =>
  write(Manifest, {
    version: 1,
    sequenceNumber: 1_700_000_000,
    common: { components: [component(0)], sharedSequence: writeSequence(shared) },
    install: writeSequence(install),
    validate: writeSequence(validate),
    ...change,
  });

const changed = (change: Partial<Manifest>): Uint8Array => sealed(contentOf(change));

/** One more pair in the map: 99, nil. */
const withUnknownKey = (content: Uint8Array): Uint8Array =>
  Uint8Array.of((content[0] ?? 0) + 1, ...content.slice(1), 0x18, 99, 0xf6);

function sealed(content: Uint8Array): Uint8Array {
  const manifest = wrap(content);
  const covered = write(Digest, of(manifest));
  const blocks = [signDetached(author, covered)];
  return writeEnvelope({ digest: covered, blocks, manifest, severed: {}, payloads: new Map() });
}

function altered(alter: (envelope: Envelope) => Partial<Envelope>): Uint8Array {
  const envelope = readEnvelope(forge(honest), server);
  return writeEnvelope({ ...envelope, ...alter(envelope) });
}

const staged = (...commands: readonly Command[]) =>
  pair({ sections: { install: [at(1), set({ uri }), fetch, match, ...commands], validate: [at(0), match] } });

const raw = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));
const text = { rest: [['en', { rest: [[component(7), { vendorName: 'Lapel' }]] }]] } as const;
const own = { rest: [['en', { rest: [[component(0), { vendorName: 'Lapel' }]] }]] } as const;
const unknown: Command = { name: 'unknown', code: 99, argument: 0 };
const custom: Command = { name: 'custom', code: -300, argument: 0 };
const depend = (sections: Forgery['sections'] = {}) =>
  pair({ dependencies: [[1, {}]], shared: [at(0), ...shared], sections });
const without = (name: 'vendor' | 'class') => ({
  shared: [
    set({ ...named, updatePriority: 0 }),
    ...compatible.filter(({ name: each }) => each !== `condition-${name}-identifier`).slice(1),
    set(
      name === 'class'
        ? { vendorIdentifier: vendorIdentifier('lapel.example') }
        : { classIdentifier: vendorIdentifier('lapel.example') },
    ),
  ].toSorted((a) => ('parameters' in a ? -1 : 1)),
});

const breaking: Readonly<Record<RuleName, () => Uint8Array>> = {
  cddl: () => forge(honest).slice(0, -1),
  'envelope-tag': () => forge(honest).slice(2),
  'old-numbering': () => Uint8Array.of(0xd8, 48, ...forge(honest).slice(2)),
  'manifest-version': () => changed({ version: 2 }),
  'unknown-element': () => sealed(withUnknownKey(contentOf({}))),
  'not-authenticated': () => altered(() => ({ blocks: [] })),
  'authentication-block': () => altered(({ blocks }) => ({ blocks: [blocks[0]!.slice(1)] })),
  'manifest-digest': () => altered(() => ({ digest: write(Digest, of(image)) })),
  'digest-algorithm': () => altered(() => ({ digest: write(Digest, [-14, new Uint8Array(20)]) })),
  'severed-digest': () => altered(() => ({ severed: { install: wrap(writeSequence(install)) } })),
  'severed-absent': () => forged({ severable: ['text'], severed: ['text'], text: own }),
  'component-missing': () =>
    changed({
      common: { sharedSequence: writeSequence(shared) },
      install: writeSequence([perform('directive-invoke')]),
    }),
  'component-repeated': () =>
    pair({
      components: [component(0), component(0)],
      sections: { install: [at(true), ...install], validate: [at(0), match] },
    }),
  'component-index': () => installing(at(3), at(0)),
  'component-index-first': () => pair({ sections: { install: [at(true), ...install], validate } }),
  'vendor-condition': () => forged(without('vendor')),
  'class-condition': () => forged(without('class')),
  'shared-effect': () =>
    forged({ shared: [...shared, set({ uri }), fetch], sections: { install: [match], validate } }),
  'unknown-command': () => installing(unknown),
  'custom-command': () => installing(custom),
  'unknown-parameter': () =>
    installing({ name: 'directive-override-parameters', parameters: raw('a1186300') }),
  'soft-failure-outside': () => installing(set({ softFailure: true })),
  'parameter-before-set': () => installing(perform('condition-component-slot')),
  'invocation-parameter': () =>
    forged({
      shared: [...compatible, set({ updatePriority: 0 })],
      sections: { install: [set(named), ...install], validate },
    }),
  'parameter-unused': () => installing(set({ componentSlot: 1 })),
  'digest-not-overridden': () =>
    forged({ shared: [...compatible, set({ updatePriority: 0 }), setUnset(named)] }),
  'image-digest': () =>
    forged({
      shared: [...compatible, set({ updatePriority: 0 })],
      sections: { install: install.slice(0, 2), validate: [perform('condition-abort')] },
    }),
  'image-size': () =>
    forged({ shared: [...compatible, set({ imageDigest: named.imageDigest!, updatePriority: 0 })] }),
  'image-unverified': () =>
    forged({ sections: { install: install.slice(0, 2), validate: compatible.slice(1) } }),
  'invoke-unverified': () =>
    forged({
      shared: [...compatible, set({ updatePriority: 0 })],
      sections: { validate: compatible.slice(1), invoke: [perform('directive-invoke')] },
    }),
  'validate-missing': () => forged({ sections: { install } }),
  unreachable: () => installing(tryEach([fail, set({ uri })], null)),
  'nothing-to-do': () => forged({ sections: {} }),
  'source-component': () => staged(at(0), set({ sourceComponent: 2 }), copy),
  'integrated-missing': () =>
    forged({ sections: { install: [set({ uri: '#image' }), fetch, match], validate } }),
  'integrated-unused': () => forged({ payloads: new Map([['#image', image]]) }),
  'integrated-digest': () =>
    forged({
      sections: { install: [set({ uri: '#image' }), fetch, match], validate },
      payloads: new Map([['#image', Uint8Array.of(1)]]),
    }),
  'uri-scheme': () =>
    forged({ sections: { install: [set({ uri: 'file:///etc/passwd' }), fetch, match], validate } }),
  'uri-host': () =>
    forged({ sections: { install: [set({ uri: 'http://127.0.0.1/a' }), fetch, match], validate } }),
  'uri-credentials': () =>
    forged({
      sections: { install: [set({ uri: 'https://me:word@lapel.example/a' }), fetch, match], validate },
    }),
  'no-priority': () => forged({ shared: [...compatible, set(named)] }),
  'no-creation-time': () => forged({ sequenceNumber: 7 }),
  'text-component': () => forged({ text, severable: ['text'] }),
  'text-severable': () => forged({ text: own }),
  'dependency-unprocessed': () => depend({ validate: [at(0), match] }),
  'profile-limit': () =>
    installing(set({ content: new Uint8Array(300) }), perform('condition-check-content')),
};

/** Rules about small devices only; the others hold for all. */
const small: ReadonlySet<RuleName> = new Set(['text-severable', 'profile-limit']);

for (const [name, breakIt] of Object.entries(breaking) as [RuleName, () => Uint8Array][]) {
  test(`S0-31, X-19: ${name} fires where only it is broken: ${rules[name].wants}`, () => {
    const found = lint(breakIt(), small.has(name) ? class1 : server);
    assert.deepEqual([...new Set(found.map(({ rule }) => rule))], [name], JSON.stringify(found, null, 1));
    for (const { message, mend, section } of found) {
      assert.match(message, /expected|found/);
      assert.ok(mend.length > 0 && section.length > 0);
    }
  });
}
