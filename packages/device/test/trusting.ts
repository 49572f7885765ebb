/** Devices whose trust stores hold more than one author's key, and orders about whom they are to trust. */

import { buildOrder, signEnvelope } from '@lapel/author';
import type { SigningKey } from '@lapel/cose';
import { encodeVerificationKey, generateSigningKey } from '@lapel/cose';
import type { Candidate, Provision } from '@lapel/device';
import { manufacture } from '@lapel/device';
import { deviceClass, norFlash, vendor } from '@lapel/simulator';
import type { Change, TrustOrder } from '@lapel/suit';
import { signTrustOrder, trustAnchorsComponent, trustOrderVersion, writeEnvelope } from '@lapel/suit';
import { given } from './life.ts';
import type { Made } from './world.ts';
import { className, make } from './world.ts';

export const newKey = () => generateSigningKey('P-256');

export const publicOf = ({ public: key }: SigningKey): Uint8Array => encodeVerificationKey(key);

/** The envelope with these signatures behind those that it has. */
export const signedToo = (envelope: Uint8Array, ...keys: readonly SigningKey[]): Uint8Array =>
  keys.reduce((signed, key) => signEnvelope(signed, key), envelope);

/** Another device from the same factory, with another trust store. */
export function madeWith(
  made: Made,
  trust: Partial<Provision>,
  { envelope = made.envelope, provision = made.provision } = {},
): Made {
  const { profile, image } = made;
  const changed = { ...provision, ...trust };
  const flash = norFlash({ geometry: profile.layout.geometry });
  manufacture(flash, profile, changed, { envelope, image });
  return { ...made, provision: changed, factory: flash.dump(), envelope };
}

/** An author alone, who may do everything; of small images, so that power can be cut everywhere. */
export const maker = await make({ imagePages: 4 });

export interface Ordering {
  readonly number?: number;
  readonly changes: readonly (Omit<Change, 'key'> & { readonly key: SigningKey })[];
  /** Who may give such orders. */
  readonly by: SigningKey;
  /** Who proves that they hold the new keys: all who are named, where absent. */
  readonly proofs?: readonly SigningKey[];
  readonly about?: Partial<TrustOrder>;
}

/** What is written to the component, sealed. */
export function trustOrder({ number = 1, changes, by, proofs, about }: Ordering): Uint8Array {
  const order: TrustOrder = {
    version: trustOrderVersion,
    sequenceNumber: number,
    vendor,
    class: deviceClass(className),
    changes: changes.map(({ key, ...rest }) => ({ key: publicOf(key), ...rest })),
    ...about,
  };
  return signTrustOrder(order, by, proofs ?? changes.map(({ key }) => key));
}

/** A manifest that brings a content to the trust store. */
export function orderEnvelope(content: Uint8Array, by: readonly SigningKey[], sequence = 1): Uint8Array {
  const order = { component: trustAnchorsComponent, content, sequence };
  const kind = { vendorIdentifier: vendor, classIdentifier: deviceClass(className) };
  return signedToo(writeEnvelope(buildOrder({ ...order, ...kind })), ...by);
}

/** Both, by the same hand unless somebody else carries it. */
export const orderOffer = (ordering: Ordering, ...carriers: readonly SigningKey[]): Candidate =>
  given(orderEnvelope(trustOrder(ordering), carriers.length === 0 ? [ordering.by] : carriers));
