/** Two authors, a device with a component for each, and a manifest of one that needs one of the other. */

import { bstr, hex, read, write } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { digest, encodeVerificationKey, generateSigningKey, signDetached } from '@lapel/cose';
import { trustedApplications } from '@lapel/device';
import type { Release } from '@lapel/simulator';
import { deviceClass, vendor, workshop } from '@lapel/simulator';
import type { Command, ComponentIdentifier, Manifest as Content, SectionName } from '@lapel/suit';
import {
  Digest,
  Manifest,
  componentName,
  digestOf,
  readEnvelope,
  server,
  writeEnvelope,
  writeSequence,
} from '@lapel/suit';
import { perform, set } from './resigned.ts';

export const made = workshop(5);
export const profile = trustedApplications({ imagePages: 4 });
export const { layout } = profile;
export const [firmware, firmwareManifest, application, applicationManifest] = layout.components.map(
  ({ identifier }) => identifier,
) as [ComponentIdentifier, ComponentIdentifier, ComponentIdentifier, ComponentIdentifier];

export const applicationAuthor: SigningKey = generateSigningKey('P-256');

/** Each of both may change what is its own, and nothing else. */
export const factory = made.device(profile, [await made.release(1, [firmware, 3001])], {
  anchors: [
    {
      key: encodeVerificationKey(made.author.public),
      components: [firmware, firmwareManifest, applicationManifest],
    },
    { key: encodeVerificationKey(applicationAuthor.public), components: [application] },
  ],
});

export const at = (index: number | true): Command => ({ name: 'directive-set-component-index', index });
export const fetch = perform('directive-fetch');
export const match = perform('condition-image-match');
export const integrity = perform('condition-dependency-integrity');
export const processing = perform('directive-process-dependency');

export interface Forgery {
  readonly sequence: number;
  readonly components: readonly ComponentIdentifier[];
  readonly dependencies?: Content['common']['dependencies'];
  readonly sections: Partial<Record<Exclude<SectionName, 'sharedSequence'>, readonly Command[]>>;
  readonly payloads?: ReadonlyMap<string, Uint8Array>;
  readonly key: SigningKey;
}

export function seal({ sequence, components, dependencies, sections, payloads, key }: Forgery): Uint8Array {
  const compatible = [
    ...(components.length > 1 ? [at(true)] : []),
    set({ vendorIdentifier: vendor, classIdentifier: deviceClass('lamp') }),
    perform('condition-vendor-identifier'),
    perform('condition-class-identifier'),
  ];
  const content: Content = {
    version: 1,
    sequenceNumber: sequence,
    common: {
      ...(dependencies === undefined ? {} : { dependencies }),
      components,
      sharedSequence: writeSequence(compatible),
    },
    ...Object.fromEntries(
      Object.entries(sections).map(([name, commands]) => [name, writeSequence(commands)]),
    ),
  };
  const manifest = write(bstr, write(Manifest, content));
  const of = write(Digest, digestOf({ algorithm: 'sha-256', bytes: digest('sha-256', manifest) }));
  const blocks = [signDetached(key, of)];
  return writeEnvelope({ digest: of, blocks, manifest, severed: {}, payloads: payloads ?? new Map() });
}

export const imageOf = (content: Uint8Array) => ({
  imageDigest: digestOf({ algorithm: 'sha-256', bytes: digest('sha-256', content) }),
  imageSize: content.length,
});
export const served = (content: Uint8Array): string => `../payloads/${hex(digest('sha-256', content))}`;

/** What names a dependency: the digest of its manifest. */
export const manifestOf = (envelope: Uint8Array) => ({
  imageDigest: read(Digest, readEnvelope(envelope, server).digest),
});

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

export interface Update {
  readonly sequence?: number;
  readonly firmwareImage: Uint8Array;
  readonly applicationImage: Uint8Array;
  /** In place of the application's own manifest. */
  readonly dependency?: Uint8Array;
  readonly sections?: Partial<Forgery['sections']>;
}

/** One dependency is carried in the envelope, the other fetched; both are checked again at each start. */
export function update({ sequence = 2, firmwareImage, applicationImage, ...rest }: Update): Release {
  const first = single(firmware, firmwareImage, made.author, { isStarted: true });
  const second = rest.dependency ?? single(application, applicationImage, applicationAuthor);
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
  const envelope = seal({
    sequence,
    key: made.author,
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
}

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
