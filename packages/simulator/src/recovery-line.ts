/** A bootloader that boots nothing and a person with a firmware, at the two ends of a serial line. */

import type { Counter, Firmware, Flash, NothingBoots, Profile, RecoveryState } from '@lapel/device';
import { createRecoverySender, recover } from '@lapel/device';
import type { LineFaults } from './serial-line.ts';
import { overLine } from './serial-line.ts';

export interface RecoveryPlan {
  readonly flash: Flash;
  readonly profile: Profile;
  readonly nothing: NothingBoots;
  readonly firmware: Firmware;
  readonly faults: LineFaults;
  readonly counter?: Counter;
  readonly onState?: (state: RecoveryState) => void;
}

/** Until the sender has come to an end, which it always does. */
export function recoverOverLine(plan: RecoveryPlan): RecoveryState {
  const { flash, profile, nothing, firmware, faults, onState, counter } = plan;
  const toDevice: Uint8Array[] = [];
  const toSender: Uint8Array[] = [];
  const onto = (line: Uint8Array[]) => (bytes: Uint8Array) => void line.push(...overLine(bytes, faults));
  const recovery = recover(flash, profile, nothing, onto(toSender), counter);
  const sender = createRecoverySender(firmware, onto(toDevice), onState);
  while (sender.state.is === 'asking' || sender.state.is === 'sending') {
    const [heard, answered] = [toDevice.shift(), toSender.shift()];
    if (heard !== undefined) recovery?.receive(heard);
    if (answered !== undefined) sender.receive(answered);
    // Nothing is on its way any more: now somebody would look at the clock.
    if (heard === undefined && answered === undefined) sender.repeat();
  }
  return sender.state;
}
