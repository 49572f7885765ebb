/** Devices and situations for simulations, and envelopes that are tried on them. */

import { write } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { digest, generateSigningKey, signDetached } from '@lapel/cose';
import type { Command, ComponentIdentifier, SectionName } from '@lapel/suit';
import {
  Digest,
  Manifest,
  Parameters,
  classIdentifier,
  digestOf,
  linux,
  vendorIdentifier,
  wrap,
  writeEnvelope,
  writeSequence,
} from '@lapel/suit';
import type { Situation } from '@lapel/author/simulate';
import { readDevice, readState } from '@lapel/author/simulate';

export const author: SigningKey = generateSigningKey('P-256');
export const vendor = vendorIdentifier('lapel.example');
export const lamp = classIdentifier(vendor, 'lamp');
export const image = new TextEncoder().encode('an image of thirty bytes, about');
export const uri = 'coap://lapel.example/image';

export const set = (parameters: Parameters): Command => ({
  name: 'directive-override-parameters',
  parameters: write(Parameters, parameters),
});
export const at = (index: number | true): Command => ({ name: 'directive-set-component-index', index });
export const perform = (name: Extract<Command, { readonly policy: number }>['name']): Command => ({
  name,
  policy: 15,
});
export const fetch = perform('directive-fetch');
export const match = perform('condition-image-match');
export const digestIn = (content: Uint8Array): Digest =>
  digestOf({ algorithm: 'sha-256', bytes: digest('sha-256', content) });

/** §7.1: what every honest manifest begins with, and the image that it is about. */
export const shared: readonly Command[] = [
  set({
    vendorIdentifier: vendor,
    classIdentifier: lamp,
    imageDigest: digestIn(image),
    imageSize: image.length,
  }),
  perform('condition-vendor-identifier'),
  perform('condition-class-identifier'),
];

export interface Plan {
  readonly components?: readonly ComponentIdentifier[];
  readonly shared?: readonly Command[];
  readonly sections: Partial<Record<Exclude<SectionName, 'sharedSequence'>, readonly Command[]>>;
}

export const named = (name: string): ComponentIdentifier => [new TextEncoder().encode(name)];

export function envelopeOf({
  components = [named('main')],
  shared: first = shared,
  sections,
}: Plan): Uint8Array {
  const manifest = wrap(
    write(Manifest, {
      version: 1,
      sequenceNumber: 2,
      common: { components, sharedSequence: writeSequence(first) },
      ...Object.fromEntries(Object.entries(sections).map(([name, each]) => [name, writeSequence(each)])),
    }),
  );
  const covered = write(Digest, digestIn(manifest));
  const blocks = [signDetached(author, covered)];
  return writeEnvelope({ digest: covered, blocks, manifest, severed: {}, payloads: new Map() });
}

export const install: readonly Command[] = [set({ uri }), fetch, match];

/** A lamp that holds an older image, unless a description says otherwise. */
export function situation(description: object = {}, served: Uint8Array = image): Situation {
  const whole = { vendor: 'lapel.example', class: 'lamp', sequence: 1, components: { main: 'old' } };
  const device = readDevice({ ...whole, ...description }, 'device');
  return {
    device,
    state: readState(device.components ?? new Map(), (name) => new TextEncoder().encode(`${name} image`)),
    anchors: [{ key: author.public }],
    limits: linux,
    now: 1000,
    serve: (where) => (where === uri ? served : undefined),
  };
}
