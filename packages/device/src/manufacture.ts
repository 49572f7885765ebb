/**
 * What a factory does once: first firmwares are put where they run, confirmed, and the trust store
 * provisioned. The factory's word replaces the trial; each manifest is authenticated and its images compared
 * all the same.
 */

import { SuitError } from '@lapel/suit';
import { admitEnvelope } from './admission.ts';
import { boot } from './bootloader/boot.ts';
import type { Firmware } from './firmware.ts';
import { imageOf } from './firmware.ts';
import type { Profile } from './profile.ts';
import type { Memory } from './storage/arena.ts';
import { createArena, withArena } from './storage/arena.ts';
import type { Flash } from './storage/flash.ts';
import { eraseRegion } from './storage/flash.ts';
import { ImageWriter } from './storage/image-writer.ts';
import { Journal } from './storage/journal.ts';
import { componentOf, isStaging, slotAt } from './storage/layout.ts';
import { claim } from './storage/reception.ts';
import { confirmation, confirmationElsewhere } from './storage/snapshot.ts';
import { factoryTargets, targetOf } from './storage/target.ts';
import { provision } from './provisioning.ts';
import type { Provision, TrustStore } from './trust-store.ts';
import { openProvision } from './trust-store.ts';

/** @throws {SuitError} where the device would not boot these firmwares. */
export function manufacture(
  flash: Flash,
  profile: Profile,
  trust: Provision,
  ...firmwares: readonly Firmware[]
): void {
  const { layout } = profile;
  const store = openProvision(trust);
  const journal = Journal.open(flash, layout.journal);
  const memory = withArena(flash, createArena(profile.ramBytes));
  for (const firmware of firmwares) load({ flash: memory, profile, journal, store }, firmware);
  // From the first day on no single damage to the journal can take the only firmware away.
  journal.duplicate();
  // Last, so that a device that knows whom to trust is a whole device.
  provision(flash, layout.trustStore, trust);
  const decision = boot(flash, profile);
  if (decision.boot === 'slot' && decision.refused.length === 0 && !decision.isRecovery) return;
  for (const copy of layout.trustStore) eraseRegion(flash, copy);
  const found = `expected the device to boot its first firmware, found: ${decision.reason}`;
  throw new SuitError('run', 'condition-failed', found);
}

interface Workbench {
  readonly flash: Memory;
  readonly profile: Profile;
  readonly journal: Journal;
  readonly store: TrustStore;
}

function load({ flash, profile, journal, store }: Workbench, firmware: Firmware): void {
  const { layout } = profile;
  const { envelope } = firmware;
  const admitted = admitEnvelope(envelope, profile, store, journal.bootRecord);
  const { components } = admitted;
  const own = components.filter(
    (each) => componentOf(layout, each)?.scheme !== 'link' && !isStaging(layout, each),
  );
  for (const component of own) {
    const slot = targetOf(factoryTargets(layout), component);
    claim({ flash, layout, journal, envelope, admitted, binding: {} }, slot);
    const writer = ImageWriter.start(flash, slotAt(layout, slot), () => undefined);
    writer.push(imageOf(firmware, components.indexOf(component)) ?? new Uint8Array());
    journal.append({ name: 'staged', slot, imageBytes: writer.finish() });
  }
  const [first] = own;
  if (first === undefined) return journal.append(confirmationElsewhere(admitted.authentic, components));
  const record = confirmation(journal.bootRecord, targetOf(factoryTargets(layout), first), components);
  if (record !== undefined) journal.append(record);
}
