/**
 * A manifest that orders something of a device, and brings it no image: it writes a few bytes to one of the
 * components that stand for the device itself.
 */

import { write } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { digest } from '@lapel/cose';
import type { Change, Command, ComponentIdentifier, Envelope } from '@lapel/suit';
import {
  Digest,
  Manifest,
  Parameters,
  digestOf,
  manifestVersion,
  reporting,
  signTrustOrder,
  trustAnchorsComponent,
  trustOrderVersion,
  wrap,
  writeSequence,
} from '@lapel/suit';

export interface Order {
  readonly component: ComponentIdentifier;
  readonly content: Uint8Array;
  readonly sequence: number;
  readonly vendorIdentifier: Uint8Array;
  readonly classIdentifier: Uint8Array;
}

/** Not signed yet. */
export function buildOrder(order: Order): Envelope {
  const { component, content, sequence, vendorIdentifier, classIdentifier } = order;
  const { recordOnSuccess, recordOnFailure } = reporting;
  const policy = recordOnSuccess | recordOnFailure;
  const shared: readonly Command[] = [
    set({ vendorIdentifier, classIdentifier }),
    { name: 'condition-vendor-identifier', policy },
    { name: 'condition-class-identifier', policy },
  ];
  const install: readonly Command[] = [set({ content }), { name: 'directive-write', policy }];
  const manifest = wrap(
    write(Manifest, {
      version: manifestVersion,
      sequenceNumber: sequence,
      common: { components: [component], sharedSequence: writeSequence(shared) },
      install: writeSequence(install),
    }),
  );
  const named = digestOf({ algorithm: 'sha-256', bytes: digest('sha-256', manifest) });
  return { digest: write(Digest, named), blocks: [], manifest, severed: {}, payloads: new Map() };
}

const set = (parameters: Parameters): Command => ({
  name: 'directive-override-parameters',
  parameters: write(Parameters, parameters),
});

export interface TrustOrdering extends Pick<Order, 'sequence' | 'vendorIdentifier' | 'classIdentifier'> {
  readonly changes: readonly Change[];
  /** Who gives the order. */
  readonly by: SigningKey;
  /** Those that it brings, each of which proves that somebody holds it. */
  readonly newKeys: readonly SigningKey[];
}

/**
 * An order about whom devices trust, in a manifest that carries it. The number of the order is that of the
 * manifest: both only rise. Whoever must vouch for manifests signs it yet.
 */
export function buildTrustOrder({ changes, by, newKeys, ...kind }: TrustOrdering): Envelope {
  const order = {
    version: trustOrderVersion,
    sequenceNumber: kind.sequence,
    vendor: kind.vendorIdentifier,
    class: kind.classIdentifier,
    changes: [...changes],
  };
  const content = signTrustOrder(order, by, newKeys);
  return buildOrder({ ...kind, component: trustAnchorsComponent, content });
}
