/** Whom a device trusts, as its store has it. */

import { hex } from '@lapel/cbor';
import { decodeVerificationKey } from '@lapel/cose';
import type { TrustStore } from '@lapel/device';
import type { AnchorState } from '@lapel/suit';
import type { AnchorRights } from '../anchor-words.ts';
import { rightsOf, rightsText, stateWords } from '../anchor-words.ts';

export interface ShownAnchor extends AnchorRights {
  readonly key: string;
  readonly state: AnchorState;
  readonly group?: string;
  /** Whose authority it has a part of. */
  readonly issuer?: string;
}

/** In the order of the store. What one is worth also depends on those above it. */
export function shownAnchors({
  content,
  anchors,
  bootAnchors,
  operators,
}: TrustStore): readonly ShownAnchor[] {
  const among = (kid: Uint8Array, all: TrustStore['anchors']) =>
    all.some(({ key }) => key.use === 'verify' && hex(key.kid) === hex(kid));
  return content.anchors.map((each) => {
    const ruled = each instanceof Uint8Array ? { key: each, delegates: true } : each;
    const { kid } = decodeVerificationKey(ruled.key);
    const signsCampaigns = operators.some((key) => hex(key.kid) === hex(kid));
    const state =
      signsCampaigns || among(kid, anchors) ? 'install' : among(kid, bootAnchors) ? 'boot-only' : 'revoked';
    const { group, issuer } = { group: undefined, issuer: undefined, ...ruled };
    return {
      key: hex(kid),
      state,
      ...(group === undefined ? {} : { group }),
      ...rightsOf(ruled),
      ...(issuer === undefined ? {} : { issuer: hex(issuer) }),
    };
  });
}

export function anchorText({ key, state, group, issuer, ...rights }: ShownAnchor): string {
  const named = `${group === undefined ? '' : `${group}, `}key ${key.slice(0, 16)}`;
  const by = issuer === undefined ? '' : ` (by ${issuer.slice(0, 16)})`;
  if (state !== 'install') return `${named}${by}: ${stateWords[state]}`;
  return `${named}${by}: ${rightsText(rights)}`;
}
