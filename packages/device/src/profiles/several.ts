/**
 * Devices of several parts that are updated by themselves or together (RFC 9019 §5): a secure and a normal
 * side, two processors that share a memory, a bootloader of two stages, storage of more than one kind.
 */

import type { Profile } from '../profile.ts';
import type { ComponentLayout } from '../storage/layout.ts';
import { takeFrom } from './taking.ts';
import {
  class1Affords,
  common,
  component,
  envelopeBytes,
  external,
  internal,
  named,
  slot,
} from './flash-plan.ts';

export interface SeveralOptions {
  /** Pages of 2 KiB of each image. */
  readonly imagePages?: number;
  readonly granuleBytes?: number;
}

/** Two components with two slots each, in one flash. */
function pairs(
  name: string,
  components: readonly [ComponentLayout, ComponentLayout],
  { imagePages = 12, granuleBytes = internal.granuleBytes }: SeveralOptions,
): Profile {
  const chip = { ...internal, granuleBytes };
  const { taking, ...regions } = common(chip, 2);
  const place = () => slot(taking, chip, imagePages);
  const slots = [place(), place(), place(), place()] as const;
  const geometry = [{ ...chip, pages: taking.pages }];
  return { name, layout: { geometry, ...regions, slots, components }, ...class1Affords };
}

/** RFC 9019 §5.2: the secure side starts, and writes both; either is updated alone, or both at once. */
export const secureNormal = (options: SeveralOptions = {}): Profile =>
  pairs(
    'secure-normal',
    [
      component(named('secure'), 'start', 'two-slots', [0, 1]),
      component(named('normal'), 'needed', 'two-slots', [2, 3]),
    ],
    options,
  );

/** RFC 9019 §5.4: one of two processors upgrades both, in a memory that they share. */
export const dualShared = (options: SeveralOptions = {}): Profile =>
  pairs(
    'dual-shared',
    [
      component(named('application'), 'start', 'two-slots', [0, 1]),
      component(named('radio'), 'needed', 'two-slots', [2, 3]),
    ],
    options,
  );

/** RFC 9019 §4.1: the first stage is never written; the second is updated like any firmware. */
export const twoStage = (options: SeveralOptions = {}): Profile =>
  pairs(
    'two-stage',
    [
      component(named('stage-2'), 'start', 'two-slots', [0, 1]),
      component(named('application'), 'needed', 'two-slots', [2, 3]),
    ],
    options,
  );

/**
 * A processor with an isolated side whose applications come from others than the firmware (S4-67, RFC 9397).
 * Each of two authors has a component for its manifest, which is a dependency of the one that updates the
 * device, and one for what it is about.
 */
export function trustedApplications(options: SeveralOptions = {}): Profile {
  const { imagePages = 12, granuleBytes = internal.granuleBytes } = options;
  const chip = { ...internal, granuleBytes };
  const { taking, ...regions } = common(chip, 2);
  const place = (pages = imagePages) => slot(taking, chip, pages);
  const manifest = () => place(Math.ceil(envelopeBytes / chip.pageBytes));
  const slots = [place(), place(), manifest(), manifest(), place(), place(), manifest(), manifest()] as const;
  const components = [
    component(named('firmware'), 'start', 'two-slots', [0, 1]),
    component(named('firmware-manifest'), 'extra', 'two-slots', [2, 3]),
    component(named('application'), 'extra', 'two-slots', [4, 5]),
    component(named('application-manifest'), 'extra', 'two-slots', [6, 7]),
  ] as const;
  const geometry = [{ ...chip, pages: taking.pages }];
  return {
    name: 'trusted-applications',
    layout: { geometry, ...regions, slots, components },
    ...class1Affords,
  };
}

/** Heterogeneous storage: the firmware in internal flash, data on a chip with other sectors beside it. */
export function heterogeneous(options: SeveralOptions = {}): Profile {
  const { imagePages = 12, granuleBytes = internal.granuleBytes } = options;
  const chip = { ...internal, granuleBytes };
  const { taking, ...regions } = common(chip, 2);
  const firmware = [slot(taking, chip, imagePages), slot(taking, chip, imagePages)] as const;
  const beside = takeFrom(external, taking.pages * chip.pageBytes);
  const data = [slot(beside, external, imagePages), slot(beside, external, imagePages)];
  const components = [
    component(named('firmware'), 'start', 'two-slots', [0, 1]),
    component(named('data'), 'extra', 'two-slots', [2, 3]),
  ] as const;
  const geometry = [
    { ...chip, pages: taking.pages },
    { ...external, pages: beside.pages },
  ];
  const layout = { geometry, ...regions, slots: [...firmware, ...data] as const, components };
  return { name: 'heterogeneous', layout, ...class1Affords };
}
