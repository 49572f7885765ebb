/**
 * S4-67: software and data of three parties for one device. The maker of the device signs the manifest that
 * brings them together; the application of the isolated side has an author of its own, and the data that
 * personalizes it another one, who trusts neither of the two with it. Both are encrypted for that side.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SigningKey } from '@lapel/cose';
import { generateSigningKey, generateWrappingKey, recipientKey } from '@lapel/cose';
import type { Command, ComponentIdentifier, DecryptionKey, TrustAnchor } from '@lapel/suit';
import { componentName } from '@lapel/suit';
import { digestIn, integrity, processing } from '../domains.ts';
import type { Forgery } from '../forge.ts';
import { at, attempt, author, component, copy, fetch, forge, imageOf, match, set } from '../forge.ts';
import type { Hidden, TwoSided } from '../isolated-store.ts';
import { deviceWithStore, hide, isolated } from '../isolated-store.ts';

const [applicationAuthor, bank] = [generateSigningKey('P-256'), generateSigningKey('P-256')];
/** The application is for every device with such a side, the data for the one that shares a secret. */
const [ofSide, othersSide] = [generateSigningKey('P-256'), generateSigningKey('P-256')].map(recipientKey);
const [shared, othersShared] = [generateWrappingKey('A128KW'), generateWrappingKey('A128KW')];
const keys = [ofSide!, shared];

const [firmware, applicationManifest, bankManifest] = [component(0), component(1), component(2)];
const [staging, vault] = [component(3), component(4)];
const [application, data] = [isolated('wallet'), isolated('card')];

const trusted: readonly TrustAnchor[] = [
  { key: author.public, permissions: { components: [firmware, applicationManifest, bankManifest] } },
  { key: applicationAuthor.public, permissions: { components: [staging, application] } },
  { key: bank.public, permissions: { components: [vault, data] } },
];

const utf8 = new TextEncoder();
const [image, wallet, card] = ['the firmware', 'the wallet', '4000 0012 3456 7899'].map((text) =>
  utf8.encode(text),
) as [Uint8Array, Uint8Array, Uint8Array];
const hiddenWallet = hide(wallet, ofSide!.public, 'A128CTR');
const hiddenCard = hide(card, shared);
const uri = (name: string): string => `http://example.com/${name}`;
const everything = [firmware, applicationManifest, bankManifest, staging, vault, application, data];

interface Served {
  readonly wallet?: Uint8Array;
  readonly card?: Uint8Array;
  readonly keys?: readonly DecryptionKey[];
  readonly outerKeys?: readonly DecryptionKey[];
}

const device = (served: Served = {}): TwoSided =>
  deviceWithStore(served.keys ?? keys, {
    anchors: trusted,
    decryptionKeys: served.outerKeys ?? [],
    components: Object.fromEntries(everything.map((each) => [componentName(each), new Uint8Array()])),
    payloads: new Map([
      [uri('firmware'), image],
      [uri('wallet'), served.wallet ?? hiddenWallet.ciphertext],
      [uri('card'), served.card ?? hiddenCard.ciphertext],
    ]),
  });

const obtain = (of: Uint8Array, from: string): readonly Command[] => [
  set({ uri: uri(from), ...imageOf(of) }),
  fetch,
  match,
];

/** The ciphertext is compared before it is opened, and what comes out of it behind that. */
const manifestOf = (
  { ciphertext, info }: Hidden,
  content: Uint8Array,
  name: string,
  [from, to]: readonly [ComponentIdentifier, ComponentIdentifier],
  key: SigningKey,
): Uint8Array =>
  forge({
    components: [from, to],
    sections: {
      payloadFetch: [at(0), ...obtain(ciphertext, name)],
      install: [
        ...[at(0), set(imageOf(ciphertext)), match],
        ...[at(1), set({ sourceComponent: 0, encryptionInfo: info, ...imageOf(content) }), copy, match],
      ],
      validate: [at(1), set(imageOf(content)), match],
    },
    key,
  });

const walletManifest = (key = applicationAuthor, hidden = hiddenWallet, to = application) =>
  manifestOf(hidden, wallet, 'wallet', [staging, to], key);
const cardManifest = (key = bank, hidden = hiddenCard, to = data) =>
  manifestOf(hidden, card, 'card', [vault, to], key);

const dependency = (index: number, from: string, envelope: Uint8Array): readonly Command[] => [
  at(index),
  set({ uri: from, ...digestIn(envelope) }),
  fetch,
  integrity,
  processing,
];

function together(ofWallet = walletManifest(), ofCard = cardManifest(), more: Partial<Forgery> = {}) {
  return forge({
    components: [firmware, applicationManifest, bankManifest],
    dependencies: [
      [1, {}],
      [2, {}],
    ],
    sections: {
      dependencyResolution: [...dependency(1, '#wallet', ofWallet), ...dependency(2, '#card', ofCard)],
      payloadFetch: [at(true), processing],
      // What may be refused comes first.
      install: [at([2, 1]), processing, at(0), ...obtain(image, 'firmware')],
      validate: [at(0), match, at(true), processing],
    },
    payloads: new Map([
      ['#wallet', ofWallet],
      ['#card', ofCard],
    ]),
    ...more,
  });
}

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);
const held = ({ components, inside }: TwoSided, of: ComponentIdentifier): string =>
  text(inside.get(componentName(of)) ?? components.get(componentName(of)));

function failureOf(envelope: Uint8Array, by = device()): string {
  const { failure } = attempt(envelope, by, 'update', trusted);
  return `${failure?.error.reason}: ${failure?.error.message}`;
}

/** Nothing lies where it could run, on either side. */
function assertNothing(by: TwoSided): void {
  for (const each of [firmware, application, data]) assert.equal(held(by, each), '', componentName(each));
}

test('S4-67, S1-06: a firmware, an application of another author and the data of a third, at once', () => {
  const by = device();
  assert.equal(attempt(together(), by, 'update', trusted).failure, undefined);
  assert.deepEqual(
    [firmware, application, data].map((each) => held(by, each)),
    ['the firmware', 'the wallet', '4000 0012 3456 7899'],
  );
  // Nothing outside of the isolated side holds either of them, the manifests included.
  for (const [name, content] of by.components) {
    for (const secret of [wallet, card]) assert.ok(!Buffer.from(content).includes(Buffer.from(secret)), name);
  }
});

test('S4-67: application and data open on the side that they are for, and nowhere else', () => {
  for (const wrong of [
    [],
    [othersSide!, othersShared],
    [ofSide!],
    [othersSide!, shared],
    [ofSide!, othersShared],
  ]) {
    const by = device({ keys: wrong });
    assert.match(
      failureOf(together(), by),
      /^unauthorised: encryption-info: expected|^operation-failed: encryption-info/,
    );
    assert.equal(held(by, firmware), '');
    // Of what the side has a key for, it may hold what was meant for it.
    assert.equal(held(by, wrong.includes(shared) ? application : data), '');
  }
  // What the firmware's own side can open, it can't open on the other.
  const outer = device({ keys: [], outerKeys: keys });
  assert.match(failureOf(together(), outer), /^unauthorised: encryption-info: expected/);
  assertNothing(outer);
});

test('S4-67: a ciphertext is compared before it is opened, and its content before anything runs', () => {
  const other = hide(utf8.encode('5000 0012 3456 7899'), shared);
  const swapped = device({ card: other.ciphertext });
  assert.match(
    failureOf(together(), swapped),
    /^condition-failed: payloadFetch .*expected an image with sha-256/,
  );
  assertNothing(swapped);
  // Whoever shares the key, and is not the bank, can make a ciphertext that opens; it is not what was signed.
  const forged = device({ card: other.ciphertext });
  const ofOther = cardManifest(bank, other);
  assert.match(
    failureOf(together(walletManifest(), ofOther), forged),
    /^condition-failed: install .*expected an image/,
  );
  assert.equal(held(forged, firmware), '');
});

test('S4-67: each party changes what is its own, and is refused before anything is stored', () => {
  const foreign = /^component-unauthorised: dependency \d: expected components of its signer's own/;
  const stranger = generateSigningKey('P-256');
  for (const [ofWallet, ofCard, expected] of [
    [walletManifest(bank), cardManifest(), foreign],
    [walletManifest(), cardManifest(applicationAuthor), foreign],
    [walletManifest(author), cardManifest(), foreign],
    [walletManifest(applicationAuthor, hiddenWallet, data), cardManifest(), foreign],
    [walletManifest(), cardManifest(bank, hiddenCard, application), foreign],
    [walletManifest(stranger), cardManifest(), /^unauthorised: dependency 1: /],
    [walletManifest(), cardManifest(stranger), /^unauthorised: dependency 2: /],
  ] as const) {
    const by = device();
    assert.match(failureOf(together(ofWallet, ofCard), by), expected);
    assertNothing(by);
    assert.deepEqual([held(by, staging), held(by, vault)], ['', '']);
  }
});

test('S4-67: the maker of the device can neither read what is isolated nor write there', () => {
  const by = device();
  assert.equal(attempt(together(), by, 'update', trusted).failure, undefined);
  const reading = (install: readonly Command[]) =>
    forge({ sequenceNumber: 2, components: [firmware, data], sections: { install } });
  const taking = reading([at(0), set({ sourceComponent: 1 }), copy]);
  assert.match(failureOf(taking, by), /^operation-failed: expected a source that may be read, found/);
  const giving = reading([at(1), set({ sourceComponent: 0 }), copy]);
  assert.throws(() => failureOf(giving, by), /expected components of its signer's own/);
  assert.deepEqual([held(by, firmware), held(by, data)], ['the firmware', '4000 0012 3456 7899']);
});
