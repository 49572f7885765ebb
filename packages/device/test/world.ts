/** A factory, an author and devices with real flash, real keys and real envelopes; chance under a seed. */

import type { SigningKey } from '@lapel/cose';
import { encodeSigningKey, encodeVerificationKey, generateSigningKey } from '@lapel/cose';
import type { Flash, JournalRecord, Profile, Provision } from '@lapel/device';
import { Journal, boot, class1, manufacture, trustStoreVersion } from '@lapel/device';
import type { NorFlash } from '@lapel/simulator';
import { deviceClass, makeRelease, norFlash, seededRandom, vendor } from '@lapel/simulator';
import { authenticate } from '@lapel/suit';

export const className = 'lamp';

export interface Made {
  readonly profile: Profile;
  readonly author: SigningKey;
  readonly deviceKey: SigningKey;
  readonly trackerKey: SigningKey;
  readonly provision: Provision;
  /** Flash as the factory left it: `image` confirmed in slot 0 with sequence number 1. */
  readonly factory: Uint8Array;
  readonly image: Uint8Array;
  readonly envelope: Uint8Array;
  release(image: Uint8Array, sequence: number, key?: SigningKey, of?: string): Promise<Uint8Array>;
}

export interface Making {
  readonly imagePages?: number;
  readonly imageBytes?: number;
  readonly seed?: number;
  readonly trust?: Partial<Provision>;
  readonly profile?: Profile;
}

export async function make({
  imagePages = 4,
  imageBytes = 3001,
  seed = 1,
  trust,
  profile = class1({ imagePages }),
}: Making = {}): Promise<Made> {
  const [author, deviceKey, trackerKey] = [key(), key(), key()];
  const release = (image: Uint8Array, sequence: number, by = author, of = className) =>
    makeRelease({ image, sequence, version: `1.${sequence}.0`, className: of, key: by });
  const image = seededRandom(seed).bytes(imageBytes);
  const envelope = await release(image, 1);
  const provision: Provision = {
    version: trustStoreVersion,
    device: 'lamp-1',
    deviceKey: encodeSigningKey(deviceKey),
    vendor,
    class: deviceClass(className),
    anchors: [encodeVerificationKey(author.public)],
    trackerKey: encodeVerificationKey(trackerKey.public),
    confirmBy: 'self-test',
    attempts: 3,
    deadlineMs: 60_000,
    ...trust,
  };
  const flash = norFlash({ geometry: profile.layout.geometry });
  manufacture(flash, profile, provision, { envelope, image });
  const factory = flash.dump();
  return { profile, author, deviceKey, trackerKey, provision, factory, image, envelope, release };
}

const key = () => generateSigningKey('P-256');

export const flashOf = ({ profile, factory }: Made, content = factory): NorFlash =>
  norFlash({ geometry: profile.layout.geometry, content });

/**
 * A flash with another image in slot 1, whatever it is worth: the journal is told that it was received and
 * staged, and then whatever the test says.
 */
export function withSlot1(
  made: Made,
  { envelope, image }: { readonly envelope: Uint8Array; readonly image: Uint8Array },
  ...then: readonly JournalRecord[]
): Uint8Array {
  const { profile, author } = made;
  const { layout, limits } = profile;
  const flash = flashOf(made);
  const { manifest, digest: of } = authenticate(envelope, [{ key: author.public }], limits);
  const journal = Journal.open(flash, layout.journal);
  journal.append({
    name: 'receiving',
    slot: 1,
    digest: of.bytes,
    sequenceNumber: manifest.sequenceNumber,
    envelopeBytes: envelope.length,
  });
  journal.append({ name: 'staged', slot: 1, imageBytes: image.length });
  for (const record of then) journal.append(record);
  const content = flash.dump();
  content.set(envelope, layout.slots[1].envelope.address);
  content.set(image, layout.slots[1].image.address);
  return content;
}

export const onTrial = (attempts = 3): JournalRecord => ({ name: 'trial', slot: 1, attempts });

/** Boots and says in one word what: `0`, `1`, `1 on trial` or `nothing`. */
export function bootedSlot(made: Made, flash: Flash): string {
  const decision = boot(flash, made.profile);
  return decision.boot === 'nothing' ? 'nothing' : `${decision.slot}${decision.onTrial ? ' on trial' : ''}`;
}

export function recordOf(made: Made, flash: Flash) {
  return Journal.open(flash, made.profile.layout.journal).bootRecord;
}
