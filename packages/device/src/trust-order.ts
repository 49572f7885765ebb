/**
 * What an order about trust anchors makes of a trust store (S1-15, S4-71). Decides only; nothing is written
 * here. Authority is handed on and never made: whoever signs an order gives no more than it has, to nobody
 * further than two steps from the factory, and speaks of itself and of those below it alone.
 */

import { compareBytes, hex } from '@lapel/cbor';
import type { VerificationKey } from '@lapel/cose';
import { CoseError, decodeVerificationKey, digest, equalInConstantTime } from '@lapel/cose';
import type { Change, FailureReason, OpenTrustOrder, TrustOrder } from '@lapel/suit';
import { SuitError, anchorStates, openTrustOrder } from '@lapel/suit';
import type { Ruled, Standing } from './trust-anchors.ts';
import { anchorsMax, chainMax, isGrantedBy, lesser, standingOf, stateIn } from './trust-anchors.ts';
import { canBeMet } from './provisioning.ts';
import type { Provision, TrustStore } from './trust-store.ts';
import { openProvision, orderNumberIn } from './trust-store.ts';

/**
 * The store as it is to be; undefined where this very order has been followed already.
 * @throws {SuitError} where it is none that this device may follow.
 */
export function followed(sealed: Uint8Array, trust: TrustStore): Provision | undefined {
  const { content } = trust;
  const sum = digest('sha-256', sealed);
  // Whoever gave it may have handed its place on with it, and is not asked again.
  if (content.order !== undefined && equalInConstantTime(content.order[1], sum)) return undefined;
  const before = standingOf(content.anchors);
  const delegators = before.filter(({ state, ruled }) => state === 'install' && ruled.delegates === true);
  const open = openTrustOrder(
    sealed,
    delegators.map(({ key }) => key),
  );
  const { order } = open;
  requireOwn(order, trust);
  const last = orderNumberIn(content);
  if (order.sequenceNumber <= last) {
    throw refused('unauthorised', `a trust order above ${last}`, `${order.sequenceNumber}`);
  }
  const changed = order.changes.reduce((anchors, change) => follow(change, anchors, open), before);
  const anchors = withinRoom(changed.map(({ ruled }) => ruled));
  const next: Provision = { ...content, anchors, order: [order.sequenceNumber, sum] };
  if (canBeMet(openProvision(next))) return next;
  throw refused('condition-failed', 'trust anchors that can meet what is required', 'too few left');
}

/** One that was signed for devices of another kind is nothing to this one. */
function requireOwn(order: TrustOrder, trust: TrustStore): void {
  const isOwn =
    compareBytes(order.vendor, trust.vendor) === 0 && compareBytes(order.class, trust.class) === 0;
  if (!isOwn)
    throw refused('condition-failed', "a trust order for this device's vendor and class", 'another');
}

/** One change; whoever signs is looked up anew, as a change before may have been about that one. */
function follow(
  change: Change,
  anchors: readonly Standing[],
  { by, isProvedBy }: OpenTrustOrder,
): readonly Standing[] {
  const signer = anchors.find((each) => isKey(each, by));
  if (signer === undefined) throw refused('unauthorised', 'an order of a known trust anchor', 'another');
  const key = keyIn(change);
  const known = anchors.find((each) => isKey(each, key));
  if (known !== undefined) return again(anchors, known, changedIn(change, known, signer, anchors));
  // Nobody has to know whom nobody trusts.
  if (stateIn(change) === 'revoked') return anchors;
  if (!isProvedBy(key)) {
    throw refused('unauthorised', `a proof of the key ${shortly(key)}`, 'none');
  }
  if (change.succeeds === true) return succeeded(anchors, signer, change);
  return again(anchors, undefined, granted(change, signer));
}

/** A delegate: within what its delegator may, and no further than that one may hand on. */
function granted(change: Change, signer: Standing): Ruled {
  const { succeeds: _, ...rest } = change;
  const depth = signer.depth + 1;
  if (signer.state !== 'install' || signer.ruled.delegates !== true) {
    throw refused('unauthorised', 'a delegator that may delegate', 'one that may not any more');
  }
  if (depth > chainMax) {
    throw refused('unauthorised', `authority handed on ${chainMax} times at most`, 'once more');
  }
  if (rest.delegates === true && depth === chainMax) {
    throw refused(
      'unauthorised',
      `a delegate that hands nothing on, ${chainMax} steps from a root`,
      'another',
    );
  }
  if (!isGrantedBy(rest, signer.ruled)) {
    throw refused('component-unauthorised', 'permissions within those of the delegator', 'wider ones');
  }
  return { ...rest, issuer: signer.key.kid };
}

/**
 * A root's next generation: it stands where the old key stood, and that one below it, until it is retired.
 * Only one of the two says who is trusted.
 */
function succeeded(
  anchors: readonly Standing[],
  { ruled, key, depth, state }: Standing,
  change: Change,
): readonly Standing[] {
  const { group, components, directives, delegates } = change;
  const isBare = [group, components, directives, delegates].every((each) => each === undefined);
  if (depth > 0 || state !== 'install' || ruled.delegates !== true || !isBare) {
    throw refused('unauthorised', 'a bare key in the place of a root', 'another succession');
  }
  const { key: _, ...place } = ruled;
  const heir: Ruled = { ...place, key: change.key, delegates: true };
  const issuer = keyIn(change).kid;
  const below = anchors.map((each): Ruled => {
    if (isKey(each, key)) return { ...each.ruled, delegates: false, issuer };
    return isBelow(each.ruled, key) ? { ...each.ruled, issuer } : each.ruled;
  });
  return standingOf([...below, heir]);
}

/** What a change makes of somebody who is known. */
function changedIn(change: Change, known: Standing, signer: Standing, anchors: readonly Standing[]): Ruled {
  const { succeeds, key: _, state: wanted = 'install', ...rest } = change;
  const { ruled } = known;
  if (succeeds === true) throw refused('unauthorised', 'a new key in the place of a root', 'a known one');
  if (stateIn(ruled) === 'revoked' && wanted !== 'revoked') {
    throw refused('unauthorised', `${shortly(known.key)} revoked for ever`, wanted);
  }
  const isRetirement = anchorStates[wanted] > anchorStates.install && Object.keys(rest).length === 0;
  if (known === signer) {
    // Of itself it says that it is worth less, and nothing else.
    if (!isRetirement) throw refused('unauthorised', 'a trust anchor that only retires itself', 'more');
    return { ...ruled, state: lesser(stateIn(ruled), wanted) };
  }
  if (!isUnder(known, signer, anchors)) {
    throw refused('unauthorised', `${shortly(known.key)} below whoever signs`, 'it elsewhere');
  }
  if (isRetirement) return { ...ruled, state: wanted };
  const { issuer = signer.key.kid } = ruled;
  const above = anchors.find(({ key }) => compareBytes(key.kid, issuer) === 0) ?? signer;
  return { ...granted({ ...change, state: wanted }, above), issuer };
}

function isUnder(of: Standing, signer: Standing, anchors: readonly Standing[]): boolean {
  if (isBelow(of.ruled, signer.key)) return true;
  const above = anchors.find(({ key }) => isBelow(of.ruled, key));
  return above !== undefined && isBelow(above.ruled, signer.key);
}

const isBelow = ({ issuer }: Ruled, { kid }: VerificationKey): boolean =>
  issuer !== undefined && compareBytes(issuer, kid) === 0;

const isKey = ({ key }: Standing, { kid }: VerificationKey): boolean => compareBytes(key.kid, kid) === 0;

/** With this one in place of what it was; or behind the others, where it is new. */
function again(anchors: readonly Standing[], known: Standing | undefined, ruled: Ruled): readonly Standing[] {
  const others = anchors.map((each) => (each === known ? ruled : each.ruled));
  return standingOf(known === undefined ? [...others, ruled] : others);
}

/** Who is revoked is remembered while there is room, the longest known is forgotten first. */
function withinRoom(anchors: readonly Ruled[]): readonly Ruled[] {
  let left = standingOf(anchors);
  while (left.length > anchorsMax) {
    const oldest = left.find(({ state }) => state === 'revoked');
    if (oldest === undefined) {
      throw refused('operation-failed', `at most ${anchorsMax} trust anchors`, `${left.length}`);
    }
    left = left.filter((each) => each !== oldest);
  }
  return left.map(({ ruled }) => ruled);
}

function keyIn({ key }: Change): VerificationKey {
  try {
    return decodeVerificationKey(key);
  } catch (error) {
    if (!(error instanceof CoseError)) throw error;
    throw new SuitError('run', 'alg-unsupported', `trust order: ${error.message}`, { cause: error });
  }
}

const shortly = ({ kid }: VerificationKey): string => hex(kid).slice(0, 16);

const refused = (reason: FailureReason, expected: string, found: string): SuitError =>
  new SuitError('run', reason, `expected ${expected}, found ${found}`);
