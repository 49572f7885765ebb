/**
 * A device of which nothing boots, and a person who brings a signed firmware: both ends of the serial line
 * are in this process, and the line may be as bad as one likes.
 */

import { componentText, outlineEnvelope } from '@lapel/author';
import type { Firmware, RecoveryState } from '@lapel/device';
import { boot, readTrustStore } from '@lapel/device';
import type { NorFlash } from '@lapel/simulator';
import { norFlash, recoverOverLine, seededRandom } from '@lapel/simulator';
import type { ComponentIdentifier } from '@lapel/suit';
import { SuitError } from '@lapel/suit';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { openFlashFile } from '../flash-file.ts';
import type { Terminal } from '../terminal.ts';
import { progressLine } from '../terminal.ts';
import { lookingAt, openCounterFile } from './counter-file.ts';
import { bootAsJson } from './step-words.ts';

export interface RecoverPlan {
  readonly file: string;
  readonly firmware: Firmware;
  /** The file of its counter. */
  readonly counter: string | undefined;
  readonly json: boolean;
  /** Of the pieces on the line: so many are lost, as many come twice, and in as many a byte changes. */
  readonly faultShare: number;
  readonly seed: number;
}

export function recoverDeviceFile(plan: RecoverPlan, terminal: Terminal): void {
  const { firmware, faultShare, seed } = plan;
  const counter = plan.counter === undefined ? undefined : openCounterFile(plan.counter);
  const { flash, profile, close } = openFlashFile(plan.file);
  try {
    if (readTrustStore(flash, profile.layout.trustStore) === undefined) {
      throw new CommandFailure(exitCodes.failed, `expected a device in ${plan.file}, found none`);
    }
    const nothing = boot(flash, profile, counter);
    if (nothing.boot === 'slot') {
      const found = `expected a device of which nothing boots, found one that boots: ${nothing.reason}`;
      throw new CommandFailure(exitCodes.conflict, found);
    }
    terminal.note(`nothing boots: ${nothing.reason}`);
    const shares = { lossShare: faultShare, repeatShare: faultShare, noiseShare: faultShare };
    const faults = { random: seededRandom(seed), ...shares };
    const onState = (state: RecoveryState) => terminal.move(progressOf(state));
    const line = { flash, profile, nothing, firmware, faults, onState };
    const ended = recoverOverLine(counter === undefined ? line : { ...line, counter });
    terminal.move('');
    requireDone(ended, firmware);
    // A copy: the start that is told of here is not one of the trial's attempts.
    const next = boot(copyOf(flash), profile, counter && lookingAt(counter));
    if (plan.json) terminal.result(JSON.stringify({ next: bootAsJson(next) }));
    else terminal.result(`the next start: ${next.reason}`);
  } finally {
    close();
  }
}

const copyOf = (flash: NorFlash): NorFlash => norFlash({ geometry: flash.geometry, content: flash.dump() });

const progressOf = (state: RecoveryState): string =>
  state.is === 'sending' ? progressLine(state.offset / Math.max(1, state.sizeBytes), state.what) : '';

function requireDone(ended: RecoveryState, { envelope, further = [] }: Firmware): void {
  if (ended.is === 'refused') {
    const { stage, reason, because } = ended;
    const found = `the bootloader refused at stage ${stage}, reason ${reason}: ${because}`;
    throw new CommandFailure(exitCodes.refused, found);
  }
  if (ended.is !== 'given-up') return;
  const components = componentsIn(envelope);
  if (components.length <= 1 + further.length) throw new CommandFailure(exitCodes.network, ended.because);
  const names = components.map(componentText).join(', ');
  const hint = `--image is wanted once for each component, in this order: ${names}`;
  throw new CommandFailure(exitCodes.failed, `${ended.because}\n  ${hint}`);
}

/** None of an envelope that cannot be read: what is wrong with it, the bootloader tells. */
function componentsIn(envelope: Uint8Array): readonly ComponentIdentifier[] {
  try {
    return outlineEnvelope(envelope).summary.components;
  } catch (error) {
    if (error instanceof SuitError) return [];
    throw error;
  }
}
