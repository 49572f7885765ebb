/**
 * Whom a Recipient believes (RFC 6024), and how many of them it wants to hear before it does (RFC 9124
 * §4.5.5). Data that was provisioned beforehand: nothing here knows which way a manifest came.
 */

import type { MacKey, VerificationKey } from '@lapel/cose';
import { equalInConstantTime } from '@lapel/cose';
import type { Permissions } from './trust-domains.ts';

/** Somebody whose manifests a Recipient accepts; never taken from an envelope. */
export interface TrustAnchor {
  readonly key: VerificationKey | MacKey;
  /** Without them it may touch every component (manifest-37 §9: the simple case of one author). */
  readonly permissions?: Permissions;
  /** What it vouches as, where a requirement asks for somebody of that group. */
  readonly group?: string;
}

/** So many of one group vouch for each manifest; of all trust anchors, where no group is named. */
export interface Requirement {
  readonly group?: string;
  readonly count: number;
}

/** All who are needed for one manifest. Each of them permits what it does. */
export type Vouching = readonly [TrustAnchor, ...TrustAnchor[]];

/** One key is one voice, however often it stands among the anchors, and in whichever groups. */
export const distinctVoices = (anchors: readonly TrustAnchor[]): readonly TrustAnchor[] =>
  anchors.filter(({ key }, index) => anchors.findIndex((each) => isSameKey(each.key, key)) === index);

function isSameKey(a: TrustAnchor['key'], b: TrustAnchor['key']): boolean {
  if (a === b) return true;
  if (a.use === 'verify') return b.use === 'verify' && equalInConstantTime(a.kid, b.kid);
  return b.use === 'mac' && equalInConstantTime(a.secret, b.secret);
}

/**
 * Every choice of voices that is enough, with nobody in it who is not needed; any single one where nothing is
 * required. In the order of the anchors, so that whoever looks again finds the same.
 */
export function* quorums(
  voices: readonly TrustAnchor[],
  required: readonly Requirement[] = [],
): Iterable<Vouching> {
  if (required.length === 0) {
    for (const each of voices) yield [each];
    return;
  }
  for (const chosen of enough(voices, required)) {
    const [first, ...rest] = voices.filter((each) => chosen.has(each));
    if (first !== undefined) yield [first, ...rest];
  }
}

function* enough(
  voices: readonly TrustAnchor[],
  [requirement, ...others]: readonly Requirement[],
): Iterable<ReadonlySet<TrustAnchor>> {
  if (requirement === undefined) {
    yield new Set();
    return;
  }
  for (const some of choices(membersOf(requirement, voices), requirement.count)) {
    for (const rest of enough(voices, others)) yield new Set([...some, ...rest]);
  }
}

function* choices<T>(items: readonly T[], count: number): Iterable<readonly T[]> {
  if (count === 0) {
    yield [];
    return;
  }
  for (let at = 0; at + count <= items.length; at++) {
    const item = items[at] as T;
    for (const rest of choices(items.slice(at + 1), count - 1)) yield [item, ...rest];
  }
}

const membersOf = ({ group }: Requirement, voices: readonly TrustAnchor[]): readonly TrustAnchor[] =>
  group === undefined ? voices : voices.filter((each) => each.group === group);

/** For people: how many of each requirement there are among `voices`, or should be. */
export const countedText = (required: readonly Requirement[], voices?: readonly TrustAnchor[]): string =>
  required
    .map((each) => {
      const count = voices === undefined ? each.count : membersOf(each, voices).length;
      return `${count} ${each.group ?? (count === 1 ? 'trust anchor' : 'trust anchors')}`;
    })
    .join(' and ');

/** Whoever vouches narrows what the others may: all of them must permit it. */
export const permissionsOf = (anchors: Vouching): readonly Permissions[] =>
  anchors.flatMap(({ permissions }) => permissions ?? []);
