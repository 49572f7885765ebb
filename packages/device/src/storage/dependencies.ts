/**
 * Dependencies on a device (draft-ietf-suit-trust-domains-12): each is an envelope that lies in a slot of a
 * component of its own, like an image. So it is staged, tried, confirmed and written off with the update that
 * brought it, and the bootloader reads it again at every start.
 */

import type { DependencySupport, Effect, TrustAnchor } from '@lapel/suit';
import { componentName } from '@lapel/suit';
import type { Lease } from './arena.ts';
import type { Viewed } from './components.ts';
import { readable } from './flash.ts';
import { slotAt } from './layout.ts';
import { isBlankBehind } from './slots.ts';

/**
 * Envelopes that one procedure reads, so that a manifest can't have a start take for ever: two dependencies,
 * each checked in two sections. Deeper than two nobody's components lie.
 */
const [readsMax, depthMax] = [4, 2];

/**
 * Whoever may sign a manifest may sign one that another needs: for components that it may change itself. One
 * number counts for the whole update, as the slots of all its components are told apart by it.
 */
export const dependenciesOf = (anchors: readonly TrustAnchor[]): DependencySupport => ({
  anchors,
  countMax: readsMax,
  depthMax,
  countsBy: 'root',
});

type Asked = Extract<Effect, { readonly do: 'envelope' }>;

export interface Shelf {
  /** Whole, and alone in its slot; undefined where nothing like it is there. */
  envelope(viewed: Pick<Viewed, 'flash' | 'layout' | 'views'>, asked: Asked): Uint8Array | undefined;
  /** Nobody runs them any more. */
  free(): void;
}

/** Envelopes in working memory, for as long as the machine runs what they say. */
export function openShelf(): Shelf {
  const leases = new Map<string, Lease>();
  return {
    envelope({ flash, layout, views }, { component, bytesMax }) {
      const name = componentName(component);
      const view = views.get(name);
      if (view?.sizeBytes === undefined || view.sizeBytes > bytesMax) return undefined;
      const { slot, sizeBytes } = view;
      const place = slotAt(layout, slot);
      leases.get(name)?.free();
      leases.set(name, flash.arena.take(sizeBytes, 'a dependency'));
      return isBlankBehind(flash, place, sizeBytes)
        ? readable(flash, place.image.address, sizeBytes)
        : undefined;
    },
    free() {
      for (const lease of leases.values()) lease.free();
      leases.clear();
    },
  };
}
