/**
 * Two authors, a device with a component for each, and a manifest of one that needs one of the other
 * (trust-domains-12).
 */

import { hex, read } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { encodeVerificationKey, generateSigningKey } from '@lapel/cose';
import type { Profile, Provision } from '@lapel/device';
import type { Command, ComponentIdentifier } from '@lapel/suit';
import { Digest, componentName, readEnvelope, server } from '@lapel/suit';
import type { Release } from './powercut-scenario.ts';
import type { Forgery } from './sealing.ts';
import { at, imageOf, manifestOf, perform, seal, served, set } from './sealing.ts';

const fetch = perform('directive-fetch');
const match = perform('condition-image-match');
const integrity = perform('condition-dependency-integrity');
const processing = perform('directive-process-dependency');

export interface Update {
  readonly sequence?: number;
  readonly firmwareImage: Uint8Array;
  readonly applicationImage: Uint8Array;
  /** In place of the application's own manifest. */
  readonly dependency?: Uint8Array;
  readonly sections?: Partial<Forgery['sections']>;
}

export interface TwoAuthors {
  /** Of the firmware, of its manifest, of the application, of its manifest. */
  readonly components: readonly [
    ComponentIdentifier,
    ComponentIdentifier,
    ComponentIdentifier,
    ComponentIdentifier,
  ];
  readonly applicationAuthor: SigningKey;
  /** Each of both may change what is its own, and nothing else. */
  readonly anchors: Provision['anchors'];
  /** One dependency is carried in the envelope, the other fetched; both are checked again at each start. */
  update(update: Update): Release;
}

/** @param profile with the four components of trusted applications. */
export function twoAuthors({ layout }: Profile, author: SigningKey): TwoAuthors {
  const components = layout.components.map(
    ({ identifier }) => identifier,
  ) as unknown as TwoAuthors['components'];
  const [firmware, firmwareManifest, application, applicationManifest] = components;
  const applicationAuthor = generateSigningKey('P-256');
  return {
    components,
    applicationAuthor,
    anchors: [
      {
        key: encodeVerificationKey(author.public),
        components: [firmware, firmwareManifest, applicationManifest],
      },
      { key: encodeVerificationKey(applicationAuthor.public), components: [application] },
    ],
    update({ sequence = 2, firmwareImage, applicationImage, ...rest }) {
      const first = single(firmware, firmwareImage, author, { isStarted: true });
      const second = rest.dependency ?? single(application, applicationImage, applicationAuthor);
      const envelope = seal({
        sequence,
        key: author,
        components: [firmwareManifest, applicationManifest],
        dependencies: [
          [0, {}],
          [1, {}],
        ],
        sections: {
          dependencyResolution: [...obtain(0, '#firmware', first), ...obtain(1, served(second), second)],
          install: [at(true), processing],
          validate: [...check(0, first), ...check(1, second)],
          invoke: [at(0), processing],
          ...rest.sections,
        },
        payloads: new Map([['#firmware', first]]),
      });
      return asRelease(sequence, envelope, [
        [firmware, firmwareImage],
        [firmwareManifest, first],
        [application, applicationImage],
        [applicationManifest, second],
      ]);
    },
  };
}

const obtain = (index: number, uri: string, envelope: Uint8Array): readonly Command[] => [
  at(index),
  set({ uri, ...manifestOf(envelope) }),
  fetch,
  integrity,
];
const check = (index: number, envelope: Uint8Array): readonly Command[] => [
  at(index),
  set(manifestOf(envelope)),
  integrity,
  processing,
];

/** A manifest for one component, which a device takes as it is or as another one's dependency. */
export const single = (
  component: ComponentIdentifier,
  image: Uint8Array,
  key: SigningKey,
  { sequence = 1, isStarted = false } = {},
): Uint8Array =>
  seal({
    sequence,
    key,
    components: [component],
    sections: {
      install: [set({ uri: served(image), ...imageOf(image) }), fetch, match],
      validate: [set(imageOf(image)), match],
      ...(isStarted ? { invoke: [perform('directive-invoke')] } : {}),
    },
  });

export function asRelease(
  sequence: number,
  envelope: Uint8Array,
  images: readonly (readonly [ComponentIdentifier, Uint8Array])[],
): Release {
  const { digest: of } = readEnvelope(envelope, server);
  return {
    sequence,
    envelope,
    digest: hex(read(Digest, of)[1]),
    image: images[0]?.[1] ?? new Uint8Array(),
    images: new Map(images.map(([component, image]) => [componentName(component), image])),
  };
}
