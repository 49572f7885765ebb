/** What is in a device's flash, for people. Looks and changes nothing. */

import { hex } from '@lapel/cbor';
import { Journal, readTrustStore } from '@lapel/device';
import { norFlash } from '@lapel/simulator';
import { uuidText } from '@lapel/suit';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { openFlashFile } from '../flash-file.ts';
import type { Terminal } from '../terminal.ts';

export function showDeviceFile(file: string, json: boolean, terminal: Terminal): void {
  const { flash, profile, close } = openFlashFile(file);
  const { geometry, journal, trustStore } = profile.layout;
  // A copy: opening a journal may mend it, and looking must change nothing.
  const copy = norFlash({ geometry, content: flash.dump() });
  close();
  const trust = readTrustStore(copy, trustStore);
  if (trust === undefined)
    throw new CommandFailure(exitCodes.failed, `expected a device in ${file}, found none`);
  const { slots, floors, reverted } = Journal.open(copy, journal).bootRecord;
  const shown = {
    device: trust.device,
    key: hex(trust.deviceKey.kid),
    vendor: uuidText(trust.vendor),
    class: uuidText(trust.class),
    confirmBy: trust.confirmBy,
    slots: slots.map((slot) => ({
      state: slot.state,
      ...('digest' in slot ? { sequenceNumber: slot.sequenceNumber, manifest: hex(slot.digest) } : {}),
      ...('attemptsLeft' in slot ? { attemptsLeft: slot.attemptsLeft } : {}),
      ...('because' in slot ? { because: slot.because } : {}),
    })),
    floor: Math.max(0, ...[...floors.values()].map(({ sequenceNumber }) => sequenceNumber)),
    ...(reverted === undefined
      ? {}
      : { reverted: { manifest: hex(reverted.digest), because: reverted.because } }),
  };
  if (json) terminal.result(JSON.stringify(shown));
  else terminal.facts(factsOf(shown));
}

interface Shown {
  readonly device: string;
  readonly key: string;
  readonly vendor: string;
  readonly class: string;
  readonly confirmBy: string;
  readonly floor: number;
  readonly slots: readonly {
    readonly state: string;
    readonly sequenceNumber?: number;
    readonly because?: string;
    readonly attemptsLeft?: number;
  }[];
  readonly reverted?: { readonly because: string };
}

function factsOf(shown: Shown): readonly (readonly [string, string])[] {
  const slots = shown.slots.map(({ state, sequenceNumber, because, attemptsLeft }, index) => {
    const number = sequenceNumber === undefined ? '' : `, sequence number ${sequenceNumber}`;
    const left = attemptsLeft === undefined ? '' : `, ${attemptsLeft} attempts left`;
    return [
      `slot ${index}`,
      `${state}${number}${left}${because === undefined ? '' : `: ${because}`}`,
    ] as const;
  });
  return [
    ['device', shown.device],
    ['key id', shown.key],
    ['vendor', shown.vendor],
    ['class', shown.class],
    ['confirm by', shown.confirmBy],
    ...slots,
    ['floor', `nothing below sequence number ${shown.floor} is installed`],
    ...(shown.reverted === undefined ? [] : [['reverted', shown.reverted.because] as const]),
  ];
}
