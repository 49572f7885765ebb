/** The linter on what others have published, and on what is written in many ways. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from '@lapel/suit';
import type { RuleName } from '@lapel/suit/lint';
import { lint } from '@lapel/suit/lint';
import { at, compatible, copy, fetch, match, perform, runSequence, set, tryEach } from './forge.ts';
import { forged, install, installing, named, pair, shared, uri, validate } from './linted.ts';
import { missing, vectorBytes } from './public-vectors.ts';

const unknown: Command = { name: 'unknown', code: 99, argument: 0 };

const rulesOf = (envelope: Uint8Array) => lint(envelope).map(({ rule }) => rule);

/** None of them says how urgent it is, or when it was made. */
const usual: readonly RuleName[] = ['no-creation-time', 'no-priority'];
const published: Readonly<Record<string, readonly RuleName[]>> = {
  'example0-signed': usual,
  'example1-signed': usual,
  'example2-signed': usual,
  // What is severed is absent here.
  'example2-signed-severed': [...usual, 'severed-absent', 'severed-absent'],
  'example3-signed': usual,
  // What lies in external storage has a digest and no size.
  'example4-signed': [...usual, 'image-size'],
  'example5-signed': usual,
  'example1-unsigned': [...usual, 'not-authenticated'],
};

for (const [name, expected] of Object.entries(published)) {
  test(
    `S0-31: of Appendix B, ${name} breaks ${expected.join(', ')}, and no other rule`,
    { skip: missing },
    () => {
      assert.deepEqual(
        rulesOf(vectorBytes('manifest-spec-37', `${name}.suit`)).toSorted(),
        expected.toSorted(),
      );
    },
  );
}

/** What a device refuses, and can be seen without its keys and its components. */
const refused: Readonly<Record<string, RuleName>> = {
  'N02-trailing-byte': 'cddl',
  'N03-wrong-tag': 'old-numbering',
  'N05-manifest-before-auth': 'cddl',
  'N11-manifest-bitflip': 'manifest-digest',
  'N12-digest-without-bstr-head': 'manifest-digest',
  'N14-attached-payload': 'authentication-block',
  'N18-digest-alg-unknown': 'digest-algorithm',
  'N19-digest-length': 'digest-algorithm',
  'N20-untagged-cose': 'authentication-block',
  'N32-seq-negative': 'cddl',
  'N33-dup-key': 'cddl',
  'N35-nonminimal-int': 'cddl',
  'N36-too-many-components': 'profile-limit',
  'N38-legacy-numbers-v14': 'old-numbering',
  'N53-unknown-command': 'unknown-command',
  'N54-unknown-parameter': 'unknown-parameter',
  'N55-custom-in-shared': 'shared-effect',
  'N57-no-set-index-multi': 'component-index-first',
  'N63-integrated-payload-tampered': 'integrated-digest',
  'N64-severed-mismatch': 'severed-digest',
  'N65-severed-both': 'severed-digest',
  'N66-soft-failure-toplevel': 'soft-failure-outside',
  'N72-empty-sequence': 'cddl',
  'N75-deep-nesting': 'profile-limit',
  'D06-not-processed': 'dependency-unprocessed',
};

for (const [name, rule] of Object.entries(refused)) {
  test(`X-72, X-73, S0-31: ${name} has an error of ${rule}`, { skip: missing }, () => {
    const errors = lint(vectorBytes('derived-37', `${name}.suit`)).filter(
      ({ severity }) => severity === 'error',
    );
    assert.ok(
      errors.some((each) => each.rule === rule),
      JSON.stringify(errors),
    );
  });
}

test('S0-31: no derived vector that devices accept has an error', { skip: missing }, () => {
  for (const name of [
    'P01-minimal-download',
    'P04-two-auth-blocks',
    'P06-mac0-only',
    'P08-severed-install-present',
  ]) {
    assert.deepEqual(rulesOf(vectorBytes('derived-37', `${name}.suit`)), usual);
  }
  for (const name of [
    'P11-try-each-nil',
    'P15-component-index-true',
    'P17-swap',
    'P18-invoke',
    'D01-integrated-dependency',
  ]) {
    const errors = lint(vectorBytes('derived-37', `${name}.suit`)).filter(
      ({ severity }) => severity === 'error',
    );
    assert.deepEqual(errors, [], name);
  }
});

test('X-19: a URI that leads nowhere, or to what is beside the device, is found in any writing', () => {
  const near = [
    ...[
      'http://localhost/a',
      'http://LOCALHOST:8080/a',
      'http://a.localhost/a',
      'coap://127.1/a',
      '//127.0.0.1/a',
    ],
    ...[
      'http://2130706433/a',
      'http://0x7f000001/a',
      'http://[::1]/a',
      'http://[::ffff:127.0.0.1]/a',
      'http://0/a',
    ],
    ...['http://169.254.169.254/latest/meta-data', 'http://metadata.google.internal/', 'coap://[fe80::1]/a'],
    ...['http://localhost./a', 'http://[fd00:ec2::254]/', 'http:///a'],
  ];
  for (const each of near) assert.deepEqual(rulesOf(fetchingFrom(each)), ['uri-host'], each);
  for (const each of ['data:,a', 'javascript:1', 'FILE:/a', 'blob:a']) {
    assert.deepEqual(rulesOf(fetchingFrom(each)), ['uri-scheme'], each);
  }
  const far = [
    '../payloads/00',
    'coap://lapel.example/a',
    'https://10.1.2.3/a',
    'coap+tcp://[2001:db8::1]/a',
  ];
  for (const each of far) assert.deepEqual(rulesOf(fetchingFrom(each)), [], each);
});

const fetchingFrom = (from: string) =>
  forged({ sections: { install: [set({ uri: from }), fetch, match], validate } });

test('S0-31: what is fetched may be compared where it is copied to', () => {
  const moving = [at(1), set({ uri }), fetch, at(0), set({ sourceComponent: 1 }), copy, match];
  const sections = { install: moving, validate: [at(0), match] };
  assert.deepEqual(rulesOf(pair({ shared: [at(0), ...shared], sections })), []);
});

test('S0-31: of alternatives, what one of them sets may be used behind them', () => {
  const slots = tryEach(
    [set({ componentSlot: 0 }), perform('condition-component-slot'), set(named)],
    [set({ componentSlot: 1 }), perform('condition-component-slot'), set(named)],
  );
  const first = [...compatible, set({ updatePriority: 0 }), slots];
  assert.deepEqual(rulesOf(forged({ shared: first })), []);
});

test('S0-31: a command says where it stands, in the section and in the file', () => {
  const envelope = installing(runSequence(unknown));
  const [found] = lint(envelope);
  assert.match(found?.where ?? '', /^install, byte \d+, unknown 99$/);
  // 0x1863 is the command.
  assert.deepEqual([...envelope.slice(found?.offset, (found?.offset ?? 0) + 2)], [0x18, 99]);
});

test('S0-31: whatever the bytes are, the linter ends and throws nothing', () => {
  const envelope = pair({
    sections: { install: [at(true), ...install], validate: [at(0), tryEach([match], null)] },
  });
  for (let place = 0; place < envelope.length; place++) {
    for (const flip of [1, 0x20, 0x80, 0xff]) {
      const damaged = envelope.slice();
      damaged[place] = (damaged[place] ?? 0) ^ flip;
      for (const { where } of lint(damaged)) assert.ok(where.length > 0);
    }
    assert.ok(lint(envelope.slice(0, place)).length > 0);
  }
});

test('S0-31: a manifest of very many commands is looked at in bounded time', () => {
  const many = <T>(count: number, one: readonly T[]) => Array.from({ length: count }, () => one).flat();
  const components = Array.from({ length: 64 }, (_, index) => [Uint8Array.of(index)]);
  const first = [at(true), ...shared];
  const fetches = {
    install: [at(true), set({ uri: '#image' }), ...many(4000, [fetch])],
    validate: [at(0), match],
  };
  const wide = forged({
    components,
    shared: first,
    sections: fetches,
    payloads: new Map([['#image', new Uint8Array(1e6)]]),
  });
  assert.ok(lint(wide).some(({ rule }) => rule === 'profile-limit'));
  const long = forged({ sections: { install: many(20_000, [set({ uri }), fetch]), validate } });
  assert.ok(lint(long).some(({ rule }) => rule === 'profile-limit'));
  const deep = forged({ sections: { install: many(8000, [runSequence(match)]), validate } });
  assert.deepEqual(rulesOf(deep), []);
});
