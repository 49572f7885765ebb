/**
 * How authority over devices is handed on (RFC 9124 §4.5.14). Manifest-37 has no delegation of its own, its
 * envelope key 1 is reserved: so a manifest writes one of these to the component `["trust-anchors"]`. It says
 * who is trusted from now on, with what and until when; somebody who may delegate signs it, and each new key
 * with it, which so proves that somebody has its other half. What a device makes of it is the device's.
 */

import type { Infer } from '@lapel/cbor';
import { array, bool, bstr, bytes, embedded, map, named, optional, raw, read } from '@lapel/cbor';
import { required, text, tuple, uint, write } from '@lapel/cbor';
import type { SigningKey, VerificationKey } from '@lapel/cose';
import { CoseError, openSigned, peekSigned, signAttached, signDetached, verifySign1 } from '@lapel/cose';
import { ComponentIdentifier } from './component-identifier.ts';
import { SuitError, parsing } from './reason.ts';
import { policyCommands } from './registry.ts';
import type { ActingDirective, Permissions } from './trust-domains.ts';
import { actingDirectives } from './trust-domains.ts';

export const trustOrderVersion = 1;

export const trustAnchorsComponent: ComponentIdentifier = [new TextEncoder().encode('trust-anchors')];

/**
 * What a trust anchor's word is good for: `install`, everything; `boot-only`, what it vouched for before;
 * `revoked`, nothing, for ever.
 */
export const anchorStates = { install: 1, 'boot-only': 2, revoked: 3 } as const;
export type AnchorState = keyof typeof anchorStates;

const prefixesMax = 8;
const groupBytesMax = 32;
const directiveNumbers = Object.fromEntries(
  actingDirectives.map((name) => [name, policyCommands[name]]),
) as Record<ActingDirective, number>;

/** A trust anchor as it is told of and kept. */
export const grantFields = {
  key: required(1, embedded(raw)),
  /** `install`, where absent. */
  state: optional(2, named('state of a trust anchor', anchorStates)),
  group: optional(3, text(groupBytesMax)),
  /** Prefixes of the components that it may touch; all of them where absent. */
  components: optional(4, array(ComponentIdentifier, { max: prefixesMax })),
  directives: optional(5, array(named('directive', directiveNumbers), { max: actingDirectives.length })),
  /** Whether it may say who else is trusted. */
  delegates: optional(6, bool),
} as const;
export const Grant = map(grantFields);
export type Grant = Infer<typeof Grant>;

/** Undefined: everything. */
export function permissionsIn({
  components,
  directives,
}: Pick<Grant, 'components' | 'directives'>): Permissions | undefined {
  if (components === undefined && directives === undefined) return undefined;
  return { components: components ?? [[]], ...(directives === undefined ? {} : { directives }) };
}

/** Enough for a change of generation and a few delegates. */
const changesMax = 8;

/** What is trusted otherwise than before; what is not named stays as it is. */
const Change = map({
  ...grantFields,
  /** It takes the place of whoever signs, with everything that one may; nothing else is told of it. */
  succeeds: optional(7, bool),
});
export type Change = Infer<typeof Change>;

export const TrustOrder = map({
  version: required(1, uint),
  /** Orders are followed upwards only, whoever signs them. */
  sequenceNumber: required(2, uint),
  vendor: required(3, bytes(16)),
  class: required(4, bytes(16)),
  changes: required(5, array(Change, { min: 1, max: changesMax })),
});
export type TrustOrder = Infer<typeof TrustOrder>;

/** The order under the seal of whoever may give it, and a seal of each new key over the same bytes. */
const Sealed = tuple(bstr, array(bstr, { max: changesMax }));

const contentType = 'application/vnd.lapel.trust-order+cbor';

/** @param newKeys those that the order brings, to prove that somebody holds them. */
export function signTrustOrder(
  order: TrustOrder,
  by: SigningKey,
  newKeys: readonly SigningKey[] = [],
): Uint8Array {
  const content = write(TrustOrder, order);
  const proofs = newKeys.map((key) => signDetached(key, content));
  return write(Sealed, [signAttached(by, content, contentType), proofs]);
}

export interface OpenTrustOrder {
  readonly order: TrustOrder;
  /** Who signed it. */
  readonly by: VerificationKey;
  /** Whether somebody who holds the key says so himself. */
  isProvedBy(key: VerificationKey): boolean;
}

/**
 * @param delegators who may have signed it.
 * @throws {SuitError} stage `run`.
 */
export function openTrustOrder(sealed: Uint8Array, delegators: readonly VerificationKey[]): OpenTrustOrder {
  const [signed, proofs] = parsing('run', 'trust order', () => read(Sealed, sealed));
  const { payload, key } = signedBy(signed, delegators);
  const order = parsing('run', 'trust order', () => read(TrustOrder, payload));
  if (order.version !== trustOrderVersion) {
    const found = `expected a trust order of version ${trustOrderVersion}, found ${order.version}`;
    throw new SuitError('run', 'parameter-unsupported', found);
  }
  const isProvedBy = (own: VerificationKey) => proofs.some((proof) => isSealOf(proof, payload, own));
  return { order, by: key, isProvedBy };
}

/** What one says, for people; nothing is proved. @throws {SuitError} stage `run`. */
export function peekTrustOrder(sealed: Uint8Array): TrustOrder {
  const [signed] = parsing('run', 'trust order', () => read(Sealed, sealed));
  const { payload } = refusing(() => peekSigned(signed));
  return parsing('run', 'trust order', () => read(TrustOrder, payload));
}

const signedBy = (signed: Uint8Array, delegators: readonly VerificationKey[]) =>
  refusing(() => openSigned(signed, delegators));

function isSealOf(proof: Uint8Array, payload: Uint8Array, key: VerificationKey): boolean {
  try {
    return verifySign1(proof, payload, [key]) === key;
  } catch (error) {
    if (error instanceof CoseError) return false;
    throw error;
  }
}

function refusing<T>(open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof CoseError)) throw error;
    throw new SuitError('run', 'unauthorised', `trust order: ${error.message}`, { cause: error });
  }
}
