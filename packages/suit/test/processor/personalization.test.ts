/**
 * S4-67: software and data of three parties for one device. The maker of the device signs the manifest that
 * brings them together; the application of the isolated side has an author of its own, and the data that
 * personalizes it another one, who trusts neither of the two with it.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SigningKey } from '@lapel/cose';
import { generateSigningKey, recipientKey } from '@lapel/cose';
import type { Command, ComponentIdentifier, TrustAnchor, VirtualRecipient } from '@lapel/suit';
import { componentName } from '@lapel/suit';
import { digestIn, integrity, processing } from '../domains.ts';
import type { Forgery } from '../forge.ts';
import { at, attempt, author, component, copy, fetch, forge, imageOf, match, set } from '../forge.ts';
import { deviceWithStore, isolated, sealFor } from '../isolated-store.ts';

const [applicationAuthor, bank] = [generateSigningKey('P-256'), generateSigningKey('P-256')];
const own = () => recipientKey(generateSigningKey('P-256'));
const [isolatedKey, othersKey] = [own(), own()];

const [firmware, applicationManifest, bankManifest] = [component(0), component(1), component(2)];
const [staging, application, data] = [component(3), isolated('wallet'), isolated('card')];

const trusted: readonly TrustAnchor[] = [
  { key: author.public, permissions: { components: [firmware, applicationManifest, bankManifest] } },
  { key: applicationAuthor.public, permissions: { components: [application] } },
  { key: bank.public, permissions: { components: [staging, data] } },
];

const utf8 = new TextEncoder();
const [image, wallet, card] = ['the firmware', 'the wallet', '4000 0012 3456 7899'].map((text) =>
  utf8.encode(text),
) as [Uint8Array, Uint8Array, Uint8Array];
const sealed = sealFor(isolatedKey, card);
const uri = (name: string): string => `http://example.com/${name}`;

const name = componentName;
const device = (payload = sealed, key = isolatedKey): VirtualRecipient =>
  deviceWithStore(key, {
    anchors: trusted,
    components: Object.fromEntries(
      [firmware, applicationManifest, bankManifest, staging, application, data].map((each) => [
        name(each),
        new Uint8Array(),
      ]),
    ),
    payloads: new Map([
      [uri('firmware'), image],
      [uri('wallet'), wallet],
      [uri('card'), payload],
    ]),
  });

const obtain = (of: Uint8Array, from: string): readonly Command[] => [
  set({ uri: uri(from), ...imageOf(of) }),
  fetch,
  match,
];

const walletManifest = (key = applicationAuthor): Uint8Array =>
  forge({
    components: [application],
    sections: { install: obtain(wallet, 'wallet'), validate: [match] },
    key,
  });

/** The ciphertext is compared before it is opened, the data behind it. */
const cardManifest = (key: SigningKey = bank, to: ComponentIdentifier = data): Uint8Array =>
  forge({
    components: [staging, to],
    sections: {
      payloadFetch: [at(0), ...obtain(sealed, 'card')],
      install: [at(1), set({ sourceComponent: 0, ...imageOf(card) }), copy, match],
      validate: [at(1), match],
    },
    key,
  });

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
      install: [at(0), ...obtain(image, 'firmware'), at(true), processing],
      validate: [at(0), match, at(true), processing],
    },
    payloads: new Map([
      ['#wallet', ofWallet],
      ['#card', ofCard],
    ]),
    ...more,
  });
}

const held = ({ components }: VirtualRecipient, of: ComponentIdentifier): string =>
  new TextDecoder().decode(components.get(name(of)));

function failureOf(envelope: Uint8Array, by = device()): string {
  const { failure } = attempt(envelope, by, 'update', trusted);
  return `${failure?.error.reason}: ${failure?.error.message}`;
}

test('S4-67, S1-06: a firmware, an application of another author and the data of a third, at once', () => {
  const by = device();
  assert.equal(attempt(together(), by, 'update', trusted).failure, undefined);
  assert.deepEqual(
    [firmware, application, data].map((each) => held(by, each)),
    ['the firmware', 'the wallet', '4000 0012 3456 7899'],
  );
  // Nothing outside the isolated side has ever held it.
  const outside = [...by.components].filter(([each]) => each !== name(data));
  for (const [each, content] of outside) {
    assert.ok(!Buffer.from(content).includes(Buffer.from(card)), each);
  }
});

test('S4-67: the data opens on the device that it is for, and is compared before it is opened', () => {
  assert.match(failureOf(together(), device(sealed, othersKey)), /^operation-failed: expected/);
  const other = device(sealFor(isolatedKey, utf8.encode('5000 0012 3456 7899')));
  assert.match(
    failureOf(together(), other),
    /^condition-failed: payloadFetch .*expected an image with sha-256/,
  );
  assert.ok(!other.trace.some((step) => step.startsWith('decrypt')));
  assert.equal(held(other, data), '');
});

test('S4-67: each party changes what is its own, and the maker of the device cannot read the data', () => {
  const foreign = /^component-unauthorised: dependency \d: expected components of its signer's own/;
  assert.match(failureOf(together(walletManifest(bank))), foreign);
  assert.match(failureOf(together(walletManifest(), cardManifest(applicationAuthor))), foreign);
  assert.match(failureOf(together(walletManifest(), cardManifest(bank, application))), foreign);
  const by = device();
  assert.equal(attempt(together(), by, 'update', trusted).failure, undefined);
  const reading = forge({
    sequenceNumber: 2,
    components: [firmware, data],
    sections: { install: [at(0), set({ sourceComponent: 1 }), copy] },
  });
  assert.match(failureOf(reading, by), /^operation-failed: expected a source that may be read, found/);
  assert.equal(held(by, firmware), 'the firmware');
});
