/**
 * An order about trust anchors that a manifest brings (S1-15): decided while the procedure runs, and written
 * when all of it has ended well.
 */

import { changeTrustStore } from '../trust-change.ts';
import { followed } from '../trust-order.ts';
import { openProvision } from '../trust-store.ts';
import { requireDependants } from '../storage/dependants.ts';
import type { Abilities, Installing } from '../storage/installer.ts';

type Place = Pick<Installing, 'flash' | 'layout' | 'journal' | 'admitted' | 'trust'>;

export const following =
  ({ flash, layout, journal, admitted, trust: before }: Place): Abilities['followOrder'] =>
  (order) => {
    const next = followed(order, before);
    // This very order has been followed already.
    if (next === undefined) return () => {};
    const { limits, policy } = admitted;
    requireDependants({ flash, layout, limits, policy }, journal.bootRecord, before, openProvision(next));
    return () => changeTrustStore(flash, layout, journal, next);
  };
