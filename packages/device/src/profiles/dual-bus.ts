/**
 * RFC 9019 §5.5: two processors, each with its own flash, bootloader, journal and trust store, and a bus
 * between them. The master has the network, and says what the peer runs; one manifest names both.
 */

import type { Profile } from '../profile.ts';
import { class1Affords, common, component, internal, named, slot } from './flash-plan.ts';
import type { SeveralOptions } from './several.ts';

export interface DualBus {
  readonly master: Profile;
  readonly peer: Profile;
}

export function dualBus(options: SeveralOptions = {}): DualBus {
  const [application, radio] = [named('application'), named('radio')];
  const half = (name: string, own: typeof application, other: typeof application): Profile => {
    const { imagePages = 12, granuleBytes = internal.granuleBytes } = options;
    const chip = { ...internal, granuleBytes };
    const { taking, ...regions } = common(chip, 2);
    const slots = [slot(taking, chip, imagePages), slot(taking, chip, imagePages)] as const;
    const components = [
      component(own, 'start', 'two-slots', [0, 1]),
      component(other, 'needed', 'link', []),
    ] as const;
    const geometry = [{ ...chip, pages: taking.pages }];
    return { name, layout: { geometry, ...regions, slots, components }, ...class1Affords };
  };
  return {
    master: half('dual-bus', application, radio),
    peer: half('dual-bus-peer', radio, application),
  };
}
