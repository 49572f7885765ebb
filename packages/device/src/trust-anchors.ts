/**
 * The trust anchors of a device as they are kept, and what each is worth today. Authority is handed on: who
 * got it from somebody is worth no more than that one, and may no more. A key that stands for itself came
 * from the factory.
 */

import type { Infer } from '@lapel/cbor';
import { array, bytes, compareBytes, either, embedded, major, map, optional, raw } from '@lapel/cbor';
import type { VerificationKey } from '@lapel/cose';
import { decodeVerificationKey } from '@lapel/cose';
import type { AnchorState, ComponentIdentifier, TrustAnchor } from '@lapel/suit';
import {
  anchorStates,
  componentName,
  grantFields,
  isWithin,
  permissionsIn,
  trustAnchorsComponent,
} from '@lapel/suit';

/** Whether a `write` there is such an order: a component that every device has besides its own. */
export const isTrustAnchors = (component: ComponentIdentifier): boolean =>
  componentName(component) === componentName(trustAnchorsComponent);

/** Two generations of a few parties, and keys that are remembered as revoked. */
export const anchorsMax = 8;

/** How often authority is handed on: from a root to a delegate, from that one to another. */
export const chainMax = 2;

const Ruled = map({
  ...grantFields,
  /** Thumbprint of the key whose authority it has a part of. */
  issuer: optional(8, bytes(32)),
});
export type Ruled = Infer<typeof Ruled>;

/** A key alone is the simple case of manifest-37 §9: it may do everything, and say who else is trusted. */
export const Anchors = array(
  either<Uint8Array, Ruled>(
    (reader) => reader.peek() === major.bstr,
    embedded(raw),
    Ruled,
    (value) => value instanceof Uint8Array,
  ),
  { min: 1, max: anchorsMax },
);
export type Anchors = Infer<typeof Anchors>;

/** One that is kept, and what it is worth. */
export interface Standing {
  readonly ruled: Ruled;
  readonly key: VerificationKey;
  /** Of itself and of everybody it has its authority from: the least. */
  readonly state: AnchorState;
  /** From the root: 0 is one. */
  readonly depth: number;
  readonly anchor: TrustAnchor;
}

/** @throws {CoseError} where a key is none. */
export function standingOf(anchors: Anchors): readonly Standing[] {
  const all = anchors.map((each) => {
    const ruled: Ruled = each instanceof Uint8Array ? { key: each, delegates: true } : each;
    return { ruled, key: decodeVerificationKey(ruled.key) };
  });
  return all.map(({ ruled, key }) => {
    const permissions = permissionsIn(ruled);
    const { group } = ruled;
    const anchor: TrustAnchor = {
      key,
      ...(permissions === undefined ? {} : { permissions }),
      ...(group === undefined ? {} : { group }),
    };
    return { ruled, key, anchor, ...worthOf(ruled, all) };
  });
}

type Known = readonly { readonly ruled: Ruled; readonly key: VerificationKey }[];

/** Up the chain to its root. A link that is missing, too long or wider than the one before breaks it. */
function worthOf(of: Ruled, all: Known): Pick<Standing, 'state' | 'depth'> {
  let [state, depth, below] = [stateIn(of), 0, of];
  while (below.issuer !== undefined) {
    const above = issuerIn(below.issuer, all);
    if (above === undefined || depth === chainMax || !isGrantedBy(below, above)) {
      return { state: 'revoked', depth };
    }
    state = lesser(state, stateIn(above));
    [below, depth] = [above, depth + 1];
  }
  return { state, depth };
}

const issuerIn = (thumbprint: Uint8Array, all: Known): Ruled | undefined =>
  all.find(({ key }) => compareBytes(key.kid, thumbprint) === 0)?.ruled;

/** Whether it asks for no more than that one has. Of whoever has no group, groups come. */
export const isGrantedBy = (below: Omit<Ruled, 'key'>, above: Omit<Ruled, 'key'>): boolean =>
  isWithin(permissionsIn(below), permissionsIn(above)) &&
  (above.group === undefined || above.group === below.group);

export const stateIn = ({ state = 'install' }: Pick<Ruled, 'state'>): AnchorState => state;

export const lesser = (a: AnchorState, b: AnchorState): AnchorState =>
  anchorStates[a] < anchorStates[b] ? b : a;
