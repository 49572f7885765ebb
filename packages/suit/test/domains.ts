/** Two authors, a device with two processors, and a manifest of one that needs a manifest of the other. */

import { read } from '@lapel/cbor';
import { generateSigningKey } from '@lapel/cose';
import type { Parameters, VirtualRecipientOptions } from '@lapel/suit';
import { Digest, linux, readEnvelope } from '@lapel/suit';
import type { Forgery } from './forge.ts';
import {
  anchors,
  at,
  attempt,
  component,
  fetch,
  forge,
  imageOf,
  match,
  perform,
  recipient,
  set,
} from './forge.ts';

export const radioAuthor = generateSigningKey('P-256');
export const both = [...anchors, { key: radioAuthor.public }];

export const [app, radio, slot] = [component(0), component(1), component(0xd)];
export const integrity = perform('condition-dependency-integrity');
export const processing = perform('directive-process-dependency');
export const unlink = perform('directive-unlink');

export const firmware = new TextEncoder().encode('firmware of the application');
export const radioFirmware = new TextEncoder().encode('firmware of the radio');
export const [uri, radioUri] = ['http://example.com/app', 'http://example.com/radio'];
export const payloads = new Map([
  [uri, firmware],
  [radioUri, radioFirmware],
]);

/** What names a dependency: the digest of its manifest. */
export const digestIn = (envelope: Uint8Array): Parameters => ({
  imageDigest: read(Digest, readEnvelope(envelope, linux).digest),
});

/** A manifest for the radio, by its own author. */
export const radioManifest = (forgery: Partial<Forgery> = {}): Uint8Array =>
  forge({
    components: [radio],
    sections: {
      install: [set({ uri: radioUri, ...imageOf(radioFirmware) }), fetch, match],
      validate: [match],
    },
    key: radioAuthor,
    ...forgery,
  });

/** A root manifest for the application that carries, checks and processes one dependency. */
export function root(dependency: Uint8Array, forgery: Partial<Forgery> = {}): Uint8Array {
  return forge({
    components: [app, slot],
    dependencies: [[1, {}]],
    sections: {
      dependencyResolution: [
        at(1),
        set({ uri: '#radio', ...digestIn(dependency) }),
        fetch,
        integrity,
        processing,
      ],
      install: [at(1), integrity, processing, at(0), set({ uri, ...imageOf(firmware) }), fetch, match],
      validate: [at(true), processing, at(0), match],
    },
    payloads: new Map([['#radio', dependency]]),
    ...forgery,
  });
}

export const device = (options: Partial<VirtualRecipientOptions> = {}) => {
  const none = new Uint8Array();
  return recipient({
    payloads,
    anchors: both,
    components: { '00': none, '01': none, '0d': none },
    ...options,
  });
};

/** Runs a root manifest and gives back the reason it failed for, or what the device did. */
export function outcome(envelope: Uint8Array, options: Partial<VirtualRecipientOptions> = {}): string {
  const by = device(options);
  const { failure } = attempt(envelope, by, 'update', both);
  return failure === undefined ? by.trace.join(', ') : `${failure.error.reason} after ${by.trace.join(', ')}`;
}
