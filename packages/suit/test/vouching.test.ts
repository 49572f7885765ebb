/** Who must vouch for a manifest, and what several may do together (RFC 9124 §4.5.5; manifest-37 §9). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tagged, encode } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { generateSigningKey, macDetached, macKey, signDetached } from '@lapel/cose';
import type { AuthenticManifest, Requirement, TrustAnchor } from '@lapel/suit';
import {
  admit,
  authenticate,
  authenticateByVoucher,
  linux,
  quorums,
  readEnvelope,
  strict,
  vouchFor,
  writeEnvelope,
} from '@lapel/suit';
import {
  anchors as authorAlone,
  author,
  component,
  fetch,
  forge,
  imageOf,
  match,
  perform,
  recipient,
  refusal,
  set,
} from './forge.ts';

const keys = () => generateSigningKey('P-256');
const [operator, other, stranger] = [keys(), keys(), keys()];
const anchors: readonly TrustAnchor[] = [
  { key: author.public, group: 'author' },
  { key: other.public, group: 'author' },
  { key: operator.public, group: 'operator' },
];
const authorAndOperator: readonly Requirement[] = [
  { group: 'author', count: 1 },
  { group: 'operator', count: 1 },
];

const image = Uint8Array.of(1, 2, 3);
const install = [set({ uri: 'http://example.com/a', ...imageOf(image) }), fetch, match];
const parts = readEnvelope(forge({ sections: { install } }), linux);
const blockOf = (key: SigningKey) => signDetached(key, parts.digest);
const withBlocks = (...blocks: readonly Uint8Array[]) => writeEnvelope({ ...parts, blocks });
const signedBy = (...by: readonly SigningKey[]) => withBlocks(...by.map(blockOf));

const under = (required: readonly Requirement[], trusted = anchors) =>
  [trusted, linux, { ...strict, required }] as const;

const who = ({ anchors: by }: AuthenticManifest): readonly string[] =>
  by.map(({ key }) => (key === author.public ? 'author' : key === operator.public ? 'operator' : 'other'));

test('S4-54, X-26: where author and operator are required, one of them is not enough and both are', () => {
  const policy = under(authorAndOperator);
  for (const both of [signedBy(author, operator), signedBy(operator, author)]) {
    assert.deepEqual(who(authenticate(both, ...policy)), ['author', 'operator']);
  }
  assert.throws(
    () => authenticate(signedBy(author), ...policy),
    refusal(
      'auth',
      'unauthorised',
      /^expected signatures of 1 author and 1 operator, found 1 author and 0 operator$/,
    ),
  );
  assert.throws(
    () => authenticate(signedBy(operator), ...policy),
    refusal('auth', 'unauthorised', /found 0 author and 1 operator$/),
  );
  // Two of one group are not one of each.
  assert.throws(
    () => authenticate(signedBy(author, other), ...policy),
    refusal('auth', 'unauthorised', /found 2 author and 0 operator$/),
  );
});

test('S4-54, X-11: who signs twice is one, in blocks of its own and under two groups too', () => {
  const two = under([{ count: 2 }]);
  assert.throws(
    () => authenticate(signedBy(author, author), ...two),
    refusal('auth', 'unauthorised', /^expected signatures of 2 trust anchors, found 1 trust anchor$/),
  );
  const twice = under([{ count: 2 }], [...anchors, { key: author.public, group: 'operator' }]);
  assert.throws(() => authenticate(signedBy(author, author), ...twice), refusal('auth', 'unauthorised'));
  const inBoth = under(authorAndOperator, [
    { key: author.public, group: 'author' },
    { key: author.public, group: 'operator' },
  ]);
  assert.throws(() => authenticate(signedBy(author, author), ...inBoth), refusal('auth', 'unauthorised'));
});

test('S4-54: of three any two will do, whoever else has signed, and a stranger counts for nobody', () => {
  const two = under([{ count: 2 }]);
  for (const pair of [
    [author, other],
    [operator, other],
    [stranger, author, stranger, operator],
  ]) {
    assert.equal(authenticate(signedBy(...pair), ...two).anchors.length, 2);
  }
  assert.throws(() => authenticate(signedBy(author, stranger), ...two), refusal('auth', 'unauthorised'));
  assert.throws(
    () => authenticate(signedBy(stranger), ...two),
    refusal('auth', 'unauthorised', /authentication block/),
  );
});

test('S4-54: requirements that can never be met accept nothing', () => {
  const three = under([{ group: 'operator', count: 2 }]);
  assert.throws(
    () => authenticate(signedBy(author, other, operator), ...three),
    refusal('auth', 'unauthorised'),
  );
});

test('§8.3: those who made one COSE_Sign together are each heard, and the same one only once', () => {
  const empty = new Uint8Array();
  const protectedHeader = encode(new Map([[1, -9]]));
  const signatureOf = (key: SigningKey) => [
    protectedHeader,
    new Map(),
    key.sign(encode(['Signature', empty, protectedHeader, empty, parts.digest])),
  ];
  const together = (...by: readonly SigningKey[]) =>
    withBlocks(encode(new Tagged(98, [empty, new Map(), null, by.map(signatureOf)])));
  const policy = under(authorAndOperator);
  assert.deepEqual(who(authenticate(together(stranger, operator, author), ...policy)), [
    'author',
    'operator',
  ]);
  assert.throws(() => authenticate(together(author, author), ...policy), refusal('auth', 'unauthorised'));
  assert.deepEqual(who(authenticate(together(operator), anchors, linux)), ['operator']);
});

test('§8.3: without a requirement several blocks go on to mean any trusted one', () => {
  assert.deepEqual(who(authenticate(signedBy(stranger, operator, author), anchors, linux)), ['operator']);
  assert.deepEqual(who(authenticate(signedBy(author), ...under([]))), ['author']);
});

test('S4-53: policies are data, and the same manifest is held against one or the other', () => {
  const envelope = signedBy(author, other);
  const verdicts = [[], [{ count: 2 }], authorAndOperator].map((required) => {
    try {
      return authenticate(envelope, ...under(required)).anchors.length;
    } catch {
      return 'refused';
    }
  });
  assert.deepEqual(verdicts, [1, 2, 'refused']);
});

test('S4-54, §9: several together may do what each of them may', () => {
  const [here, there] = [component(0), component(1)];
  const limited = (mine: TrustAnchor['permissions'], yours: TrustAnchor['permissions']) =>
    [
      { key: author.public, group: 'author', ...(mine && { permissions: mine }) },
      { key: operator.public, group: 'operator', ...(yours && { permissions: yours }) },
    ] as const;
  const run = (trusted: readonly TrustAnchor[]) =>
    admit(authenticate(signedBy(author, operator), ...under(authorAndOperator, trusted)), recipient());
  run(limited(undefined, { components: [here, there] }));
  run(limited({ components: [here] }, { components: [[]] }));
  for (const [mine, yours] of [
    [{ components: [here] }, { components: [there] }],
    [{ components: [] }, undefined],
    [undefined, { components: [here], directives: ['directive-invoke'] }],
  ] as const) {
    assert.throws(() => run(limited(mine, yours)), refusal('setup', 'component-unauthorised'));
  }
});

test('S4-66: one key may fetch, another write, a third invoke, and none what it may not', () => {
  const doing = {
    fetch: { install },
    write: { install: [set({ content: image, ...imageOf(image) }), perform('directive-write')] },
    invoke: { invoke: [perform('directive-invoke')] },
  };
  const verdict = (may: keyof typeof doing, does: keyof typeof doing): string => {
    const permissions = { components: [component(0)], directives: [`directive-${may}`] as const };
    const envelope = forge({ sections: doing[does] });
    try {
      admit(authenticate(envelope, [{ key: author.public, permissions }], linux), recipient());
      return 'admitted';
    } catch (error) {
      assert.ok(
        refusal('setup', 'component-unauthorised', /expected directives that its signer may use/)(error),
      );
      return 'refused';
    }
  };
  const names = ['fetch', 'write', 'invoke'] as const;
  const matrix = names.map((may) => names.map((does) => verdict(may, does)));
  assert.deepEqual(
    matrix,
    names.map((may) => names.map((does) => (may === does ? 'admitted' : 'refused'))),
  );
});

test('§4.2: a voucher stands for all who vouched, and for nobody else', () => {
  const secret = new Uint8Array(32).fill(7);
  const binding = Uint8Array.of(1);
  const policy = under(authorAndOperator);
  const envelope = signedBy(author, operator);
  const code = vouchFor(authenticate(envelope, ...policy), { secret, binding });
  assert.ok(code !== undefined);
  const again = (...args: ReturnType<typeof under>) =>
    authenticateByVoucher(envelope, { secret, code, binding }, ...args);
  assert.deepEqual(who(again(...policy)), ['author', 'operator']);
  for (const changed of [
    under(authorAndOperator, anchors.slice(0, 2)),
    under(authorAndOperator, anchors.slice(1)),
    under([]),
    under([{ count: 3 }]),
  ]) {
    assert.throws(() => again(...changed), refusal('auth', 'unauthorised', /voucher/));
  }
  // One of them is not the word of both, whatever the envelope holds.
  const alone = vouchFor(authenticate(signedBy(author), authorAlone, linux), { secret, binding });
  assert.ok(alone !== undefined);
  assert.throws(() => authenticateByVoucher(envelope, { secret, code: alone, binding }, ...policy));
});

test('§4.2: who vouches with a shared secret has no voucher', () => {
  const secret = macKey(new Uint8Array(32).fill(9));
  const envelope = withBlocks(macDetached(secret, parts.digest), blockOf(author));
  const both = authenticate(envelope, ...under([{ count: 2 }], [...authorAlone, { key: secret }]));
  assert.equal(both.anchors.length, 2);
  assert.equal(vouchFor(both, { secret: new Uint8Array(32), binding: new Uint8Array() }), undefined);
});

test('S4-54: the choices that are enough hold nobody who is not needed, and each of them once', () => {
  const names = (required: readonly Requirement[]) =>
    [...quorums(anchors, required)].map((chosen) => chosen.map((each) => anchors.indexOf(each)).join(''));
  assert.deepEqual(names([]), ['0', '1', '2']);
  assert.deepEqual(names([{ count: 2 }]), ['01', '02', '12']);
  assert.deepEqual(names(authorAndOperator), ['02', '12']);
  assert.deepEqual(names([{ group: 'author', count: 2 }]), ['01']);
  assert.deepEqual(names([{ group: 'nobody', count: 1 }]), []);
  assert.deepEqual([...quorums([], [])], []);
});
