/**
 * Are these images what somebody signed for this device? The stored envelope is authenticated, by its
 * signature or by the bootloader's own earlier word for it, and every image is hashed, at every start; each
 * manifest's invocation procedure decides (manifest-37 §6.3).
 */

import { hex } from '@lapel/cbor';
import { equalInConstantTime } from '@lapel/cose';
import type { Answer, AuthenticManifest, ComponentIdentifier, Effect, SuitRecord } from '@lapel/suit';
import { SuitError, admit, authenticate, componentName, driveSync, run } from '@lapel/suit';
import type { Profile } from '../profile.ts';
import { lending } from '../storage/arena.ts';
import { answerFrom, isQuestion, isVerified } from '../storage/components.ts';
import { dependenciesOf, openShelf } from '../storage/dependencies.ts';
import { componentOf, slotAt } from '../storage/layout.ts';
import { readStoredEnvelope } from '../storage/slots.ts';
import { policyOf } from '../trust-store.ts';
import type { Provisioned } from './provisioned.ts';
import type { Part, Parts } from './select.ts';
import { authenticateAgain } from './voucher.ts';

/**
 * S4-41: what was installed in time is booted for ever. Use-before says until when an update may be installed
 * (update-management §5.1), and an expired firmware is better than none.
 */
const beforeAnyTime = -1;

/** What was found out about one image. */
export interface Proof {
  readonly component: ComponentIdentifier;
  readonly manifest: AuthenticManifest;
  readonly records: readonly SuitRecord[];
  /** By the author's signature, or by a MAC that stands for it. */
  readonly by: 'signature' | 'mac';
  /** SHA-256 over the image, where its manifest compares one. */
  readonly measurement: Uint8Array | undefined;
  readonly imageBytes: number;
}

/** One manifest of those that would be booted does not hold: these are its parts. */
export interface Disproof {
  readonly parts: readonly Part[];
  readonly because: string;
}

export type Verdict = { readonly proofs: ReadonlyMap<Part, Proof> } | { readonly disproof: Disproof };

/** Verifies all manifests that have a part in it; an update is never taken apart. */
export function verify(device: Provisioned, parts: Parts): Verdict {
  const proofs = new Map<Part, Proof>();
  for (const group of byManifest(parts)) {
    try {
      const { envelopeBytes } = group[0].state;
      lending(device.flash, envelopeBytes, 'an envelope', () => {
        for (const [part, proof] of prove(device, group, parts)) proofs.set(part, proof);
      });
    } catch (error) {
      if (!(error instanceof SuitError)) throw error;
      return { disproof: { parts: group, because: error.message } };
    }
  }
  return { proofs };
}

function byManifest(parts: Parts): readonly Parts[] {
  const groups = Map.groupBy(parts, ({ state }) => hex(state.digest));
  return [...groups.values()].flatMap(([first, ...rest]): Parts[] =>
    first === undefined ? [] : [[first, ...rest]],
  );
}

/** Invocation with the slots of these parts as the components' storage. @throws {SuitError} */
function* prove(device: Provisioned, group: Parts, all: Parts): Iterable<readonly [Part, Proof]> {
  const { flash, profile, trust } = device;
  const { layout, limits } = profile;
  const [{ state, slot }] = group;
  const stored = readStoredEnvelope(flash, slotAt(layout, slot), state.envelopeBytes);
  const again = authenticateAgain(device, stored, group[0]);
  const policy = policyOf(profile, trust);
  const manifest = again ?? authenticate(stored, trust.bootAnchors, limits, policy);
  // Another manifest than the one that was installed, however authentic, was never on trial here.
  if (!equalInConstantTime(manifest.digest.bytes, state.digest)) {
    throw new SuitError('setup', 'unauthorised', 'expected the manifest that was installed, found another');
  }
  requireSequenceNumber(manifest, group);
  const admitted = admit(manifest, {
    limits,
    policy,
    hasComponent: (component) => componentOf(layout, component) !== undefined,
    isAnothers: (component) => isSuperseded(component, group, all, profile),
    dependencies: dependenciesOf(trust.bootAnchors),
    floor: () => undefined,
  });
  const views = new Map(
    group.map((part) => [
      componentName(part.component.identifier),
      { slot: part.slot, sizeBytes: part.state.imageBytes },
    ]),
  );
  const measured = new Map<string, Uint8Array>();
  const shelf = openShelf();
  const answer = (effect: Effect): Answer => {
    if (effect.do === 'invoke') return;
    if (effect.do === 'time') return beforeAnyTime;
    if (effect.do === 'envelope') return shelf.envelope({ flash, layout, views }, effect);
    if (effect.do === 'version') return manifest.manifest.setVersion;
    if (!isQuestion(effect)) {
      throw new SuitError('run', 'command-unsupported', `expected no ${effect.do} while booting, found one`);
    }
    const found = answerFrom({ flash, layout, trust, views }, effect);
    const isMeasurement = effect.do === 'digest' && effect.algorithm === 'sha-256';
    if (isMeasurement && found instanceof Uint8Array) measured.set(componentName(effect.component), found);
    return found;
  };
  const { failure, records, verified } = driveSync(run(admitted, 'invocation'), answer);
  shelf.free();
  if (failure !== undefined) throw failure.error;
  for (const part of group) {
    const { identifier } = part.component;
    // A manifest that forgets to compare the image is authentic and still no proof of it.
    if (!isVerified(verified, part.component)) {
      throw new SuitError('run', 'condition-failed', 'expected the manifest to match the image, found none');
    }
    const proof: Proof = {
      component: identifier,
      manifest,
      records,
      by: again === undefined ? 'signature' : 'mac',
      measurement: measured.get(componentName(identifier)),
      imageBytes: part.state.imageBytes,
    };
    yield [part, proof];
  }
}

/** Floors and what supersedes what go by the journal's word, which is nobody's until its manifest says so. */
function requireSequenceNumber({ manifest: { sequenceNumber } }: AuthenticManifest, group: Parts): void {
  const other = group.find(({ state }) => state.sequenceNumber !== sequenceNumber);
  if (other === undefined) return;
  const found = `expected sequence number ${sequenceNumber} in the journal, found another`;
  throw new SuitError('setup', 'unauthorised', found);
}

/**
 * Another processor proves what lies there, a later manifest brought it, or it only passed through. What an
 * update brought together is otherwise booted together, or not at all (RFC 9019 §5.2).
 */
function isSuperseded(
  component: ComponentIdentifier,
  [{ state }]: Parts,
  all: Parts,
  { layout }: Profile,
): boolean {
  const own = componentOf(layout, component);
  if (own?.scheme === 'link' || own?.role === 'staging') return true;
  const booted = all.find((part) => componentName(part.component.identifier) === componentName(component));
  return booted !== undefined && booted.state.sequenceNumber > state.sequenceNumber;
}
