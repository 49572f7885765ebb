/**
 * What a factory does once: a first firmware is put into slot 0, confirmed, and the trust store provisioned.
 * The factory's word replaces the trial; the manifest is authenticated and its image compared all the same.
 */

import { SuitError } from '@lapel/suit';
import { admitEnvelope } from './admission.ts';
import { boot } from './bootloader/boot.ts';
import type { Profile } from './profile.ts';
import type { Flash } from './storage/flash.ts';
import { eraseRegion } from './storage/flash.ts';
import { confirmation } from './storage/boot-record.ts';
import { Journal } from './storage/journal.ts';
import { ImageWriter, writeEnvelope } from './storage/slots.ts';
import type { Provision } from './trust-store.ts';
import { openProvision, provision } from './trust-store.ts';

export interface Firmware {
  readonly envelope: Uint8Array;
  readonly image: Uint8Array;
}

/** @throws {SuitError} where the device would not boot this firmware. */
export function manufacture(
  flash: Flash,
  profile: Profile,
  trust: Provision,
  { envelope, image }: Firmware,
): void {
  const { layout } = profile;
  const store = openProvision(trust);
  const journal = Journal.open(flash, layout.journal);
  const { authentic } = admitEnvelope(envelope, profile, store, journal.bootRecord);
  const slot = 0;
  const { sequenceNumber } = authentic.manifest;
  journal.append({
    name: 'receiving',
    slot,
    digest: authentic.digest.bytes,
    sequenceNumber,
    envelopeBytes: envelope.length,
  });
  writeEnvelope(flash, layout.slots[slot], envelope);
  const writer = ImageWriter.start(flash, layout.slots[slot], () => undefined);
  writer.push(image);
  journal.append({ name: 'staged', slot, imageBytes: writer.finish() });
  const record = confirmation(journal.bootRecord, slot, authentic.manifest.common.components ?? []);
  if (record !== undefined) journal.append(record);
  // From the first day on no single damage to the journal can take the only firmware away.
  journal.duplicate();
  // Last, so that a device that knows whom to trust is a whole device.
  provision(flash, layout.trustStore, trust);
  const decision = boot(flash, profile);
  if (decision.boot === 'slot' && decision.slot === slot) return;
  for (const copy of layout.trustStore) eraseRegion(flash, copy);
  const found = `expected the device to boot its first firmware, found: ${decision.reason}`;
  throw new SuitError('run', 'condition-failed', found);
}
