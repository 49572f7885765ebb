/**
 * The answers to the manifest processor's effects that need only this device: identity, digests, slots,
 * content. Shared by bootloader and agent, so that both see the same device. What changes storage is the
 * installer's, what jumps the bootloader's.
 */

import { equalInConstantTime } from '@lapel/cose';
import type { ComponentIdentifier, Effect, EnterpriseNumber } from '@lapel/suit';
import { componentName } from '@lapel/suit';
import type { Profile } from '../profile.ts';
import type { TrustStore } from '../trust-store.ts';
import type { Flash } from './flash.ts';
import { imageDigest, isBlankBehind } from './slots.ts';

/** A slot seen as the component's content: `sizeBytes` of image, or nothing. */
export interface ComponentView {
  readonly slot: 0 | 1;
  readonly sizeBytes: number | undefined;
}

type Question = Extract<Effect, { readonly do: 'identify' | 'digest' | 'slot' | 'content' }>;

export const isQuestion = (effect: Effect): effect is Question =>
  effect.do === 'identify' || effect.do === 'digest' || effect.do === 'slot' || effect.do === 'content';

export function answerFrom(
  flash: Flash,
  profile: Profile,
  trust: TrustStore,
  view: ComponentView,
  effect: Question,
): boolean | Uint8Array | undefined {
  const layout = profile.layout.slots[view.slot];
  switch (effect.do) {
    case 'identify':
      return isOurs(trust, effect.which, effect.identifier);
    case 'slot':
      return effect.slot === view.slot;
    case 'digest': {
      const { sizeBytes } = view;
      if (sizeBytes === undefined || (effect.sizeBytes ?? sizeBytes) !== sizeBytes) return undefined;
      // REQ.SEC.IMG.COMPLETE_DIGEST: nothing lies behind the image that its digest does not cover.
      if (!isBlankBehind(flash, layout, sizeBytes)) return undefined;
      return imageDigest(flash, layout, sizeBytes, effect.algorithm);
    }
    case 'content':
      return view.sizeBytes === effect.sizeBytes
        ? flash.read(layout.image.address, effect.sizeBytes)
        : undefined;
  }
}

/** Whether the profile's component is meant: the only one that a manifest may name here. */
export const isComponent = (profile: Profile, component: ComponentIdentifier): boolean =>
  componentName(component) === componentName(profile.component);

function isOurs(
  trust: TrustStore,
  which: 'vendor' | 'class' | 'device',
  identifier: Uint8Array | EnterpriseNumber,
): boolean {
  const own = which === 'device' ? trust.deviceIdentifier : trust[which];
  return own !== undefined && identifier instanceof Uint8Array && equalInConstantTime(own, identifier);
}
