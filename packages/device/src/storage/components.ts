/**
 * The answers to the manifest processor's effects that need only this device: identity, digests, slots,
 * content. Shared by bootloader and agent, so that both see the same device. What changes storage is the
 * installer's, what jumps the bootloader's.
 */

import { equalInConstantTime } from '@lapel/cose';
import type { ComponentIdentifier, Effect, EnterpriseNumber } from '@lapel/suit';
import { componentName } from '@lapel/suit';
import type { TrustStore } from '../trust-store.ts';
import type { Memory } from './arena.ts';
import { lending } from './arena.ts';
import { readable } from './flash.ts';
import type { Layout } from './layout.ts';
import { componentOf, slotAt } from './layout.ts';
import { imageDigest, isBlankBehind } from './slots.ts';

/** A slot seen as its component's content: `sizeBytes` of image, or nothing. */
export interface ComponentView {
  readonly slot: number;
  readonly sizeBytes: number | undefined;
}

/** By component name: what a procedure sees where. */
export type Views = ReadonlyMap<string, ComponentView>;

type Question = Extract<Effect, { readonly do: 'identify' | 'digest' | 'slot' | 'content' }>;

export const isQuestion = (effect: Effect): effect is Question =>
  effect.do === 'identify' || effect.do === 'digest' || effect.do === 'slot' || effect.do === 'content';

export interface Viewed {
  readonly flash: Memory;
  readonly layout: Layout;
  readonly trust: TrustStore;
  readonly views: Views;
  /** Where new images go, by component name. */
  readonly targets?: ReadonlyMap<string, number>;
}

export function answerFrom(viewed: Viewed, effect: Question): boolean | Uint8Array | undefined {
  const { flash, layout, trust, views, targets } = viewed;
  if (effect.do === 'identify') return isOurs(trust, effect.which, effect.identifier);
  const name = componentName(effect.component);
  const view = views.get(name);
  if (effect.do === 'slot') {
    const slot = targets?.get(name) ?? view?.slot ?? -1;
    return componentOf(layout, effect.component)?.slots.indexOf(slot) === effect.slot;
  }
  if (view?.sizeBytes === undefined) return undefined;
  const { slot, sizeBytes } = view;
  const place = slotAt(layout, slot);
  if (effect.do === 'content') {
    if (sizeBytes !== effect.sizeBytes) return undefined;
    return lending(flash, sizeBytes, 'a content', () => readable(flash, place.image.address, sizeBytes));
  }
  if ((effect.sizeBytes ?? sizeBytes) !== sizeBytes) return undefined;
  // REQ.SEC.IMG.COMPLETE_DIGEST: nothing lies behind the image that its digest does not cover.
  if (!isBlankBehind(flash, place, sizeBytes)) return undefined;
  return imageDigest(flash, place, sizeBytes, effect.algorithm);
}

/** Whether an admitted manifest's image match has proved this component. */
export const isVerified = (
  verified: readonly ComponentIdentifier[],
  { identifier }: { readonly identifier: ComponentIdentifier },
): boolean => verified.some((component) => componentName(component) === componentName(identifier));

function isOurs(
  trust: TrustStore,
  which: 'vendor' | 'class' | 'device',
  identifier: Uint8Array | EnterpriseNumber,
): boolean {
  const own = which === 'device' ? trust.deviceIdentifier : trust[which];
  return own !== undefined && identifier instanceof Uint8Array && equalInConstantTime(own, identifier);
}
