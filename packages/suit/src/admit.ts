/**
 * draft-ietf-suit-manifest-37 §6.1 and §6.2: what is checked of an authentic manifest before any command of
 * it runs, and the sequences that may then be run.
 */

import { shown } from '@lapel/cbor';
import { digest, equalInConstantTime } from '@lapel/cose';
import type { AuthenticManifest } from './authenticate.ts';
import type { SeverableName } from './envelope.ts';
import { severableNames } from './envelope.ts';
import type { Limits } from './limits.ts';
import type { ComponentIdentifier, KnownDigest, SectionName } from './manifest.ts';
import { isSevered, knownDigest } from './manifest.ts';
import type { Policy } from './policy.ts';
import { strict } from './policy.ts';
import type { Section } from './admit-sections.ts';
import { readSections } from './admit-sections.ts';
import { SuitError } from './reason.ts';
import type { TrustAnchor } from './trust-anchor.ts';
import { permissionsOf } from './trust-anchor.ts';
import type { Permissions, Slot } from './trust-domains.ts';
import { isPermitted, slotsOf } from './trust-domains.ts';
import { requireAuthority } from './authority.ts';

/** What the checks need to know of the Recipient. */
export interface Recipient {
  readonly limits: Limits;
  /** Strict, where it says nothing. */
  readonly policy?: Policy;
  /** Whether it has a component of this name at all. */
  hasComponent(component: ComponentIdentifier): boolean;
  /** The sequence number that a manifest for this component must reach (§8.4.2), and whose it is. */
  floor(component: ComponentIdentifier): Floor | undefined;
  /**
   * Components that it has, and that another processor, or a manifest that came later, answers for: what a
   * manifest does to them and demands of them is passed over. All are its own, where absent.
   */
  isAnothers?(component: ComponentIdentifier): boolean;
  /** Without it a manifest that needs others is refused (trust-domains §5.1). */
  readonly dependencies?: DependencySupport;
}

export interface DependencySupport {
  /** Who may vouch for a dependency. */
  readonly anchors: readonly TrustAnchor[];
  /** Dependencies that one procedure reads, theirs included. */
  readonly countMax: number;
  /** How many manifests may stand between the root and its furthest dependency, that one included. */
  readonly depthMax: number;
  /**
   * Whose sequence number must reach the floors of a dependency's components: its own, or, on a device that
   * counts all of an update by one, its root's. The root names the dependency by its digest either way.
   */
  readonly countsBy?: 'own' | 'root';
}

export interface Floor {
  readonly sequenceNumber: number;
  /** Where known, an equal sequence number is accepted from this manifest only. */
  readonly manifestDigest?: Uint8Array;
}

declare const admitted: unique symbol;
/** An authentic manifest that this Recipient may run. `admit` is its only source. */
export interface AdmittedManifest {
  readonly [admitted]: true;
  readonly authentic: AuthenticManifest;
  /** The components of the manifest, and the dependencies that it lists apart. */
  readonly components: readonly ComponentIdentifier[];
  /** The same, with what the machine knows of them. */
  readonly slots: readonly Slot[];
  readonly recipient: Recipient;
  readonly sections: Readonly<Partial<Record<SectionName, Section>>>;
  /** Severable elements of the manifest that this envelope does not carry. */
  readonly severed: ReadonlySet<SeverableName>;
  readonly limits: Limits;
  readonly policy: Policy;
  /** Of everyone who vouched for it; each of them permits what it does. */
  readonly permissions: readonly Permissions[];
}

/** @throws {SuitError} stage `setup`. */
export function admit(authentic: AuthenticManifest, recipient: Recipient): AdmittedManifest {
  const { componentIdentifier } = authentic.manifest;
  const own = componentIdentifier === undefined ? [] : [componentIdentifier];
  // Trust-domains §9: where a root manifest is kept is its signer's to touch, like any component.
  if (!own.every((each) => isPermitted(each, permissionsOf(authentic.anchors)))) {
    const found = 'expected a manifest-component-id that its signer may touch, found another';
    throw new SuitError('setup', 'component-unauthorised', found);
  }
  return admitAs(authentic, recipient, [], own, authentic);
}

/**
 * As `admit`, for a dependency of that root: its components lie behind a prefix, and its
 * manifest-component-id means nothing (trust-domains §5.2.1).
 */
export const admitDependency = (
  authentic: AuthenticManifest,
  recipient: Recipient,
  prefix: ComponentIdentifier,
  root: AuthenticManifest,
): AdmittedManifest => {
  const counted = recipient.dependencies?.countsBy === 'root' ? root : authentic;
  return admitAs(authentic, recipient, prefix, [], counted);
};

/**
 * @param named components that it does not list, but whose floor it must reach.
 * @param counted whose sequence number must reach the floors.
 */
function admitAs(
  authentic: AuthenticManifest,
  recipient: Recipient,
  prefix: ComponentIdentifier,
  named: readonly ComponentIdentifier[],
  counted: AuthenticManifest,
): AdmittedManifest {
  const { limits, policy = strict } = recipient;
  const slots = requireSlots(authentic, recipient, prefix);
  const components = slots.map(({ component }) => component);
  requireComponents(slots, recipient);
  requireFloor(counted, [...components, ...named], recipient);
  const severed = requireSevered(authentic);

  const sections = readSections(authentic, slots, recipient);
  requireAuthority(authentic, slots, limits);
  const permissions = permissionsOf(authentic.anchors);
  const known = { authentic, components, slots, recipient, sections, severed };
  const admission = { ...known, limits, policy, permissions };
  return admission as unknown as AdmittedManifest;
}

/** Trust-domains §5.1: who does not support dependencies, refuses a manifest that has some. */
function requireSlots(
  { manifest }: AuthenticManifest,
  { dependencies: support }: Recipient,
  prefix: ComponentIdentifier,
): readonly Slot[] {
  const { components = [], dependencies = [] } = manifest.common;
  if (dependencies.length > 0 && support === undefined) {
    const found = 'expected a manifest without dependencies, found one with some';
    throw new SuitError('setup', 'component-unsupported', found);
  }
  const slots = slotsOf(components, dependencies, prefix);
  if (slots !== undefined) return slots;
  const found = 'expected dependencies among the components or, named by a prefix, behind them, found others';
  throw new SuitError('setup', 'component-unsupported', found);
}

function requireComponents(slots: readonly Slot[], recipient: Recipient): void {
  const { components: most } = recipient.limits;
  if (slots.length === 0) {
    throw new SuitError('setup', 'component-unsupported', 'expected one or more components, found none');
  }
  // §6.2: not more components than the target has.
  if (slots.length > most) {
    const found = `expected at most ${most} components, found ${slots.length}`;
    throw new SuitError('setup', 'component-unsupported', found);
  }
  const unknown = slots.find(({ component }) => !recipient.hasComponent(component));
  if (unknown !== undefined) {
    const found = `expected components of this device, found ${shown(unknown.name)}`;
    throw new SuitError('setup', 'component-unsupported', found);
  }
  if (new Set(slots.map(({ name }) => name)).size < slots.length) {
    throw new SuitError('setup', 'component-unsupported', 'expected each component once, found one again');
  }
}

/**
 * §6.1 rollback check: never below what a component has confirmed; equal only to apply the same manifest
 * again.
 */
function requireFloor(
  { manifest, digest: manifestDigest }: AuthenticManifest,
  components: readonly ComponentIdentifier[],
  recipient: Recipient,
): void {
  const { sequenceNumber } = manifest;
  for (const component of components) {
    const floor = recipient.floor(component);
    if (floor === undefined || sequenceNumber > floor.sequenceNumber) continue;
    const least = floor.sequenceNumber;
    if (sequenceNumber < least) {
      const found = `expected sequence number ${least} or higher, found ${sequenceNumber}`;
      throw new SuitError('setup', 'unauthorised', found);
    }
    const same = floor.manifestDigest;
    if (same !== undefined && !equalInConstantTime(same, manifestDigest.bytes)) {
      const found = `expected a sequence number above ${least}, found another manifest with it`;
      throw new SuitError('setup', 'unauthorised', found);
    }
  }
}

/**
 * §8.6: what stands in the envelope is what the manifest holds the digest of, and stands in one place only.
 */
function requireSevered({ manifest, envelope }: AuthenticManifest): ReadonlySet<SeverableName> {
  const absent = new Set<SeverableName>();
  for (const name of severableNames) {
    const inside = manifest[name];
    const outside = envelope.severed[name];
    if (inside === undefined || !isSevered(inside)) {
      if (outside === undefined) continue;
      const found = `expected no ${name} in the envelope, found one without a digest in the manifest`;
      throw new SuitError('setup', 'severing-unsupported', found);
    }
    const expected: KnownDigest = knownDigest('setup', inside);
    if (outside === undefined) absent.add(name);
    else if (!equalInConstantTime(digest(expected.algorithm, outside), expected.bytes)) {
      throw new SuitError('setup', 'severing-unsupported', `expected the severed ${name}, found another`);
    }
  }
  return absent;
}
