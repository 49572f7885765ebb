/**
 * What must be true of a flash after a cut, at each start, and in the end. It asks a reader that shares no
 * code with the device.
 */

import { compareBytes } from '@lapel/cbor';
import type { BootDecision } from '@lapel/device';
import { componentName } from '@lapel/suit';
import { createHash } from 'node:crypto';
import type { FlashSeen, SlotSeen } from './flash-reader.ts';
import { readFlash } from './flash-reader.ts';
import type { Release, Scenario } from './powercut-scenario.ts';

/** What one device was seen to have, over all its lives. */
export interface Memory {
  readonly floors: Map<string, number>;
  /** By component, the highest sequence number that ran confirmed. */
  readonly ran: Map<string, number>;
  /** Starts of the first offer's firmware on trial, before it was installed anew. */
  trials: number;
}

/** Between two operations of the flash, whenever the power goes. */
export function judgeFlash(scenario: Scenario, content: Uint8Array, memory: Memory): readonly string[] {
  const seen = readFlash(content, scenario.profile.layout);
  return [
    ...judgeSlots(scenario, seen),
    ...judgeFloors(seen, memory),
    ...(isAsMade(scenario, content) ? [] : ['expected loader and trust store as made, found others']),
  ];
}

function judgeSlots(scenario: Scenario, seen: FlashSeen): readonly string[] {
  const { components } = scenario.profile.layout;
  const isSound = (slot: number) => matches(scenario, seen, slot);
  const violations = seen.slots.flatMap(({ state }, slot) => {
    const isClaimed = state === 'staged' || state === 'trial' || state === 'confirmed';
    return !isClaimed || seen.moving.includes(slot) || isSound(slot)
      ? []
      : [`expected slot ${slot} to match its manifest, found ${state} and another image`];
  });
  // A ruin is brought in on purpose.
  if (!scenario.keepsConfirmed) return scenario.brought === undefined ? violations : [];
  const isKept = components.some(({ role, slots }) => {
    const held = slots.map((slot) => [slot, seen.slots[slot]?.state] as const);
    const keeps = held.some(([slot, state]) => state === 'confirmed' && isSound(slot));
    // Two images change places: each is in one place or the other, page by page.
    return (
      (role === 'start' || role === 'recovery') && (keeps || slots.some((slot) => seen.moving.includes(slot)))
    );
  });
  return isKept ? violations : [...violations, `expected a confirmed image, found ${described(seen)}`];
}

/** Whether what is in the slot is the image that its manifest names. */
export function matches({ releases, profile }: Scenario, { slots }: FlashSeen, slot: number): boolean {
  const held = slots[slot];
  const release = releases.find(({ digest }) => digest === held?.digest);
  const component = profile.layout.components.find((each) => each.slots.includes(slot));
  if (held?.image === undefined || release === undefined || component === undefined) return false;
  return held.image === imageOf(release, componentName(component.identifier));
}

const hashes = new WeakMap<Uint8Array, string>();

/** SHA-256 of a release's image for a component, in hex. */
export function imageOf({ images }: Release, component: string): string | undefined {
  const image = images.get(component);
  if (image === undefined) return undefined;
  const found = hashes.get(image) ?? createHash('sha256').update(image).digest('hex');
  hashes.set(image, found);
  return found;
}

function judgeFloors({ floors }: FlashSeen, memory: Memory): readonly string[] {
  const fallen = [...memory.floors].filter(([name, floor]) => (floors.get(name) ?? 0) < floor);
  for (const [name, floor] of floors) memory.floors.set(name, Math.max(floor, memory.floors.get(name) ?? 0));
  return fallen.map(
    ([name, floor]) => `expected floor ${floor} of ${name}, found ${floors.get(name) ?? 'none'}`,
  );
}

/** No device writes its loader (S4-47), and no update of this kind whom it trusts. */
function isAsMade({ profile, factory }: Scenario, content: Uint8Array): boolean {
  const { loader, trustStore } = profile.layout;
  return [loader, ...trustStore].every(({ address, bytes }) => {
    const [made, found] = [factory.content, content].map((each) => each.subarray(address, address + bytes));
    return made !== undefined && found !== undefined && compareBytes(made, found) === 0;
  });
}

/** What was jumped to: whole images that somebody signed, none below its floor, no update in part. */
export function judgeBoot(
  scenario: Scenario,
  decision: BootDecision,
  content: Uint8Array,
  memory: Memory,
): readonly string[] {
  const { releases, profile, brought, restarts = 0 } = scenario;
  if (decision.boot === 'nothing') {
    return brought === undefined && restarts === 0
      ? [`expected a bootable image, found ${decision.reason}`]
      : [];
  }
  const seen = readFlash(content, profile.layout);
  const booted = decision.running.map(({ component, slot }) => {
    const release = releases.find(({ digest }) => digest === seen.slots[slot]?.digest);
    return { name: componentName(component), slot, release, state: seen.slots[slot] };
  });
  const isOffered = booted.some(({ state }) => state?.state === 'trial' && isFirstOffer(scenario, state));
  memory.trials = isOffered ? memory.trials + 1 : memory.trials;
  return [
    ...booted.flatMap(({ slot, state }) =>
      matches(scenario, seen, slot) ? [] : [`expected a signed image in slot ${slot}, found ${state?.state}`],
    ),
    ...booted.flatMap(({ name, state }) =>
      (state?.sequenceNumber ?? 0) < (seen.bootFloors.get(name) ?? 0)
        ? [`${name} is below its boot floor`]
        : [],
    ),
    ...booted.flatMap(({ release }) => mixed(release, booted)),
    ...judgeProgress(scenario, decision, memory),
    ...(memory.trials > scenario.attempts
      ? [`expected ${scenario.attempts} starts on trial, found more`]
      : []),
  ];
}

/** What once ran confirmed is not doubted later, and gives way to nothing older: where each read succeeds. */
function judgeProgress(
  { brought, restarts }: Scenario,
  { running }: Extract<BootDecision, { readonly boot: 'slot' }>,
  { ran }: Memory,
): readonly string[] {
  if (brought !== undefined || restarts !== undefined) return [];
  return running.flatMap(({ component, sequenceNumber, onTrial }) => {
    const name = componentName(component);
    const before = ran.get(name) ?? 0;
    if (!onTrial) ran.set(name, Math.max(before, sequenceNumber));
    const isBehind = onTrial ? sequenceNumber <= before : sequenceNumber < before;
    const found = `${sequenceNumber} ${onTrial ? 'on trial' : 'confirmed'}`;
    return isBehind ? [`expected ${before} or a later one to run, found ${found}`] : [];
  });
}

interface Booted {
  readonly name: string;
  readonly release: Release | undefined;
}

const isFirstOffer = ({ offers }: Scenario, { digest }: SlotSeen): boolean => offers[0]?.digest === digest;

/** Of an update that brought several images each one runs, or a later one in its place. */
function mixed(release: Release | undefined, booted: readonly Booted[]): readonly string[] {
  return [...(release?.images.keys() ?? [])].flatMap((name) => {
    const other = booted.find((each) => each.name === name)?.release;
    const isWhole = other === undefined || other.sequence >= (release?.sequence ?? 0);
    return isWhole ? [] : [`expected no update in part, found ${release?.sequence} and ${other.sequence}`];
  });
}

/** After the last word: what was wanted is confirmed and runs, and the floors are where it put them. */
export function judgeEnd(
  scenario: Scenario,
  content: Uint8Array,
  last: BootDecision | undefined,
): readonly string[] {
  const { wanted, profile } = scenario;
  const seen = readFlash(content, profile.layout);
  const running = last?.boot === 'slot' ? last.running : [];
  return profile.layout.components.flatMap(({ identifier, slots }) => {
    const name = componentName(identifier);
    const release = wanted.get(name);
    if (release === undefined) return [];
    const { sequence, digest } = release;
    const isThere = slots.some(
      (slot) => seen.slots[slot]?.state === 'confirmed' && seen.slots[slot]?.digest === digest,
    );
    const floor = seen.floors.get(name);
    const now = running.find(({ component }) => componentName(component) === name)?.sequenceNumber;
    return isThere && floor === sequence && now === sequence
      ? []
      : [
          `expected ${sequence} confirmed and to run, found ${described(seen)}, ` +
            `floor ${floor ?? 'none'}, and ${now ?? 'nothing'} to run`,
        ];
  });
}

const described = ({ slots }: FlashSeen): string =>
  slots.map(({ state, sequenceNumber }) => `${state} ${sequenceNumber ?? ''}`.trim()).join(', ');
