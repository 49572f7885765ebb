/**
 * What must be true of a flash at any time, of its end, and of each start: is what booted an image that
 * somebody signed, is a confirmed image still there, has no floor fallen, has the trial an end?
 */

import { createHash } from 'node:crypto';
import { compareBytes } from '@lapel/cbor';
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
  const { sequences, behaviour, images, profile, brought } = scenario;
  const content = flash.dump();
  const { slots, floor } = readFlash(content, profile.layout);
  const violations: string[] = [];
  const known = new Map([...images].map(([sequence, image]) => [sequence, sha256(image)]));
  const sound = slots.filter(
    ({ state, sequenceNumber = -1, image }) => state === 'confirmed' && known.get(sequenceNumber) === image,
  );
  // Where nothing booted to begin with, there is a confirmed image again in the end.
  const isLost = sound.length === 0 && (isEnd || brought === undefined);
  if (isLost) violations.push(`expected a confirmed image, found ${describe(slots)}`);
  for (const { state, sequenceNumber = -1, image } of slots) {
    const isComplete = state === 'staged' || state === 'trial' || state === 'confirmed';
    const isRuin = brought !== undefined && sequenceNumber <= sequences.old;
    if (isComplete && !isRuin && known.get(sequenceNumber) !== image) {
      violations.push(`expected slot content to match its manifest, found ${describe(slots)}`);
    }
  }
  if (!isAsMade(scenario, content)) {
    violations.push('expected loader and trust store as the factory left them, found others');
  }
  if (floor < sequences.old) violations.push(`expected floor ${sequences.old}, found ${floor}`);
  if (!isEnd) return violations;
  const wanted = behaviour === 'sound' ? sequences.new : sequences.old;
  if (!sound.some(({ sequenceNumber }) => sequenceNumber === wanted) || floor !== wanted) {
    violations.push(`expected ${wanted} confirmed, found ${describe(slots)} and floor ${floor}`);
  }
  return violations;
}

/** No device writes its loader (S4-47), and no update of this kind whom it trusts. */
function isAsMade({ profile, factory }: Scenario, content: Uint8Array): boolean {
  const { loader, trustStore } = profile.layout;
  return [loader, ...trustStore].every(({ address, bytes }) => {
    const [made, found] = [factory, content].map((each) => each.subarray(address, address + bytes));
    return made !== undefined && found !== undefined && compareBytes(made, found) === 0;
  });
}

/** Each start jumped to an image that somebody signed, whole; and to one on trial not for ever. */
export function judgeBoots(scenario: Scenario, boots: readonly Booted[]): readonly string[] {
  const { images, profile, attempts, brought } = scenario;
  const known = new Set([...images.values()].map(sha256));
  const violations = boots.flatMap(({ decision, flash }) => {
    if (decision.boot === 'nothing') {
      return brought === undefined ? [`expected a bootable image, found ${decision.reason}`] : [];
    }
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
