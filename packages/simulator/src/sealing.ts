/** Manifests of commands that the author's own tools do not write, well signed. */

import { bstr, hex, read, write } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { digest, signDetached } from '@lapel/cose';
import type {
  Command,
  ComponentIdentifier,
  Manifest as Content,
  Parameters as Values,
  SectionName,
} from '@lapel/suit';
import {
  Digest,
  Manifest,
  Parameters,
  digestOf,
  readEnvelope,
  server,
  writeEnvelope,
  writeSequence,
} from '@lapel/suit';
import { deviceClass, vendor } from './firmware.ts';

export const set = (parameters: Values): Command => ({
  name: 'directive-override-parameters',
  parameters: write(Parameters, parameters),
});

type Named = Extract<Command, { readonly policy: number }>['name'];
export const perform = (name: Named): Command => ({ name, policy: 0 });

export const at = (index: number | true): Command => ({ name: 'directive-set-component-index', index });

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
