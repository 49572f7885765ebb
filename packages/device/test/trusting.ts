/** Devices whose trust stores hold more than one author's key, and orders about whom they are to trust. */

import assert from 'node:assert/strict';
import { buildOrder, signEnvelope } from '@lapel/author';
import type { SigningKey } from '@lapel/cose';
import { encodeVerificationKey, generateSigningKey } from '@lapel/cose';
import type { Flash, Provision, Step, TrustStore, UpdateSource } from '@lapel/device';
import { boot, manufacture, readTrustStore, runAgent } from '@lapel/device';
import { deviceClass, norFlash, seededRandom, simulatedClock, vendor } from '@lapel/simulator';
import type { Change, TrustOrder } from '@lapel/suit';
import { signTrustOrder, trustAnchorsComponent, trustOrderVersion, writeEnvelope } from '@lapel/suit';
import { given, refuses } from './life.ts';
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
export const orderOf = (ordering: Ordering, ...carriers: readonly SigningKey[]): Uint8Array =>
  orderEnvelope(trustOrder(ordering), carriers.length === 0 ? [ordering.by] : carriers);

/**
 * Starts a device and offers it these envelopes, one after the other, on a link that nobody may use. Returns
 * why each was refused that was.
 */
export async function offered(
  { profile }: Made,
  flash: Flash,
  envelopes: readonly Uint8Array[],
): Promise<readonly string[]> {
  const decision = boot(flash, profile);
  const trust = readTrustStore(flash, profile.layout.trustStore);
  assert.ok(decision.boot === 'slot' && trust !== undefined);
  const left = envelopes.values();
  const done = new AbortController();
  const refused: string[] = [];
  const source: UpdateSource = {
    announce: async () => true,
    report: async () => undefined,
    postpone: () => undefined,
    async next() {
      const step = left.next();
      if (step.done !== true) return given(step.value);
      done.abort(new Error('all offered'));
      return undefined;
    },
  };
  const agent = { flash, profile, decision, source, trust, journal: decision.journal, pollMs: 1000 };
  const world = { clock: simulatedClock(), random: seededRandom(1), network: () => refuses };
  const told = {
    selfTest: async () => true,
    onStep: (step: Step, detail?: string) => void (step === 'failed' && refused.push(`${detail}`)),
  };
  await runAgent({ ...agent, ...world, ...told }, done.signal).catch((error: unknown) => {
    if (error !== done.signal.reason) throw error;
  });
  return refused;
}

export const storeIn = ({ profile }: Made, flash: Flash): TrustStore => {
  const store = readTrustStore(flash, profile.layout.trustStore);
  assert.ok(store !== undefined);
  return store;
};
