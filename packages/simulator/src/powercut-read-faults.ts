/**
 * Reads that fail, with power or without a cut before: once, anywhere; or for ever, in an image that the
 * device can do without. Devices with two slots boot something signed all the same.
 */

import type { Profile, Region } from '@lapel/device';
import { readFlash } from './flash-reader.ts';
import type { Mishaps, Run } from './powercut-campaign.ts';
import { all } from './powercut-campaign.ts';
import type { Scenario } from './powercut-scenario.ts';
import { seededRandom } from './random.ts';

/** In each scenario. */
const onceEach = 24;
const neverEach = 8;

export async function failingReads(scenario: Scenario, operations: number, run: Run): Promise<void> {
  const { profile, brought, wrongPayloads } = scenario;
  // With a payload that arrives wrong, a read that fails is the second mishap: the device reports a failure.
  if (!hasTwoSlots(profile) || brought !== undefined || wrongPayloads !== undefined) return;
  const random = seededRandom(run.seed).fork(`reads of ${scenario.name}`);
  const { journal, trustStore, slots } = profile.layout;
  const anywhere = [...journal, ...trustStore, ...slots.flatMap(({ envelope, image }) => [envelope, image])];
  const spare = dispensable(scenario).flatMap((slot) => slots[slot]?.image ?? []);
  const drawn = (among: readonly Region[], until: 'read' | 'never', isCut: boolean): Mishaps => {
    const region = among[random.below(among.length)];
    const address = (region?.address ?? 0) + random.below(region?.bytes ?? 1);
    const operation = random.below(operations);
    return {
      places: isCut ? [{ operation, kind: 'before' }] : [],
      readFaults: [{ address, until }],
    };
  };
  const once = Array.from({ length: onceEach }, (_, index) => drawn(anywhere, 'read', index % 2 === 1));
  const never = Array.from({ length: neverEach }, () => drawn(spare, 'never', false));
  await all(scenario, [...once, ...never], run);
}

const hasTwoSlots = ({ layout }: Profile): boolean =>
  layout.components.every(({ scheme }) => scheme === 'two-slots');

/** Slots without which each component still has a confirmed image. */
function dispensable({ factory, profile }: Scenario): readonly number[] {
  const { slots } = readFlash(factory.content, profile.layout);
  const isConfirmed = (slot: number) => slots[slot]?.state === 'confirmed';
  return profile.layout.components.flatMap((component) =>
    component.slots.filter(
      (slot) => !isConfirmed(slot) || component.slots.some((other) => other !== slot && isConfirmed(other)),
    ),
  );
}
