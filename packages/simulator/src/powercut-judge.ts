/**
 * What must be true of a flash at any time, of its end, and of each start: is what booted an image that
 * somebody signed, is a confirmed image still there, has no floor fallen, has the trial an end?
 */

import { createHash } from 'node:crypto';
import type { BootDecision } from '@lapel/device';
import type { NorFlash } from './flash.ts';
import type { FlashSeen } from './flash-reader.ts';
import { readFlash } from './flash-reader.ts';
import type { Scenario } from './powercut-scenario.ts';

export interface Booted {
  readonly decision: BootDecision;
  /** What the flash held when the bootloader jumped. */
  readonly flash: Uint8Array;
}

export function judge(scenario: Scenario, flash: NorFlash, isEnd: boolean): readonly string[] {
  const { sequences, behaviour, images, profile } = scenario;
  const { slots, floor } = readFlash(flash.dump(), profile.layout);
  const violations: string[] = [];
  const known = new Map([...images].map(([sequence, image]) => [sequence, sha256(image)]));
  const sound = slots.filter(
    ({ state, sequenceNumber = -1, image }) => state === 'confirmed' && known.get(sequenceNumber) === image,
  );
  if (sound.length === 0) violations.push(`expected a confirmed image, found ${describe(slots)}`);
  for (const { state, sequenceNumber = -1, image } of slots) {
    const isComplete = state === 'staged' || state === 'trial' || state === 'confirmed';
    if (isComplete && known.get(sequenceNumber) !== image) {
      violations.push(`expected slot content to match its manifest, found ${describe(slots)}`);
    }
  }
  if (floor < sequences.old) violations.push(`expected floor ${sequences.old}, found ${floor}`);
  if (!isEnd) return violations;
  const wanted = behaviour === 'sound' ? sequences.new : sequences.old;
  if (!sound.some(({ sequenceNumber }) => sequenceNumber === wanted) || floor !== wanted) {
    violations.push(`expected ${wanted} confirmed, found ${describe(slots)} and floor ${floor}`);
  }
  return violations;
}

/** Each start jumped to an image that somebody signed, whole; and to one on trial not for ever. */
export function judgeBoots(scenario: Scenario, boots: readonly Booted[]): readonly string[] {
  const { images, profile, attempts } = scenario;
  const known = new Set([...images.values()].map(sha256));
  const violations = boots.flatMap(({ decision, flash }) => {
    if (decision.boot === 'nothing') return [`expected a bootable image, found ${decision.reason}`];
    const { image } = readFlash(flash, profile.layout).slots[decision.slot] ?? {};
    return image !== undefined && known.has(image) ? [] : ['expected a signed image, found another'];
  });
  const trials = boots.filter(({ decision }) => decision.boot === 'slot' && decision.onTrial).length;
  if (trials > attempts) violations.push(`expected at most ${attempts} starts on trial, found ${trials}`);
  return violations;
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const describe = (slots: FlashSeen['slots']) =>
  slots.map(({ state, sequenceNumber }) => `${state} ${sequenceNumber ?? ''}`.trim()).join(', ');
