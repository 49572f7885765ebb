/**
 * What a factory is given for a device: signed envelopes, and images for all their components. Which image
 * is for which component, and whether the profile has a place for each.
 */

import { componentText } from '@lapel/author';
import { hex } from '@lapel/cbor';
import type { Firmware, Profile, ProfileName } from '@lapel/device';
import { profiles } from '@lapel/device';
import type { ComponentIdentifier, Requirement, TrustAnchor } from '@lapel/suit';
import { authenticate, componentName, server, strict, summarise } from '@lapel/suit';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import type { DeviceKind } from './kinds.ts';
import { profileOf } from './kinds.ts';

export interface NamedEnvelope {
  readonly file: string;
  readonly envelope: Uint8Array;
}

/** What there is, and who must have vouched for it. */
export interface Deal {
  readonly profile: ProfileName;
  readonly envelopes: readonly NamedEnvelope[];
  readonly images: readonly Uint8Array[];
  readonly anchors: readonly TrustAnchor[];
  readonly required: readonly Requirement[];
}

/** Firmwares that were found to belong together. */
export interface FirstFirmware {
  readonly firmwares: readonly Firmware[];
  readonly vendor: Uint8Array;
  readonly class: Uint8Array;
  readonly components: readonly ComponentIdentifier[];
  /** Of the first. */
  readonly sequenceNumber: number;
}

/**
 * Each envelope takes as many images as it has components, in their order.
 * @throws {SuitError} where an envelope is not one of the authors'. @throws {CommandFailure}
 */
export function dealImages({ profile, envelopes, images, anchors, required }: Deal): FirstFirmware {
  const staging = stagingOf(profile);
  const summaries = envelopes.map(({ envelope }) => {
    const found = summarise(authenticate(envelope, anchors, server, { ...strict, required }), server);
    // What payloads only pass through, the factory leaves empty.
    const kept = found.components.filter((each) => !staging.has(componentName(each)));
    return { ...found, components: kept };
  });
  const components = summaries.flatMap((each) => each.components);
  if (images.length !== components.length) {
    const wanted = `${components.length} images (--image), one for each component: `;
    const named = summaries.map((each, index) => `${namesOf(each.components)} of ${envelopes[index]?.file}`);
    throw failed(`expected ${wanted}${named.join('; ')}; found ${images.length}`);
  }
  let taken = 0;
  const firmwares = envelopes.map(({ envelope }, index): Firmware => {
    const count = summaries[index]?.components.length ?? 0;
    const [image = new Uint8Array(), ...further] = images.slice(taken, taken + count);
    taken += count;
    return { envelope, image, further };
  });
  return {
    firmwares,
    vendor: only(
      'vendor',
      summaries.flatMap((each) => each.vendorIdentifiers),
    ),
    class: only(
      'class',
      summaries.flatMap((each) => each.classIdentifiers),
    ),
    components,
    sequenceNumber: summaries[0]?.sequenceNumber ?? 0,
  };
}

const pageBytes = 2048;
const imagePagesMin = 20;

/**
 * A device in which these have room to grow.
 * @throws {CommandFailure} where the profile has other components.
 */
export function kindFor(profile: ProfileName, { firmwares, components }: FirstFirmware): DeviceKind {
  const images = firmwares.flatMap(({ image, further = [] }) => [image, ...further]);
  const largest = Math.max(...images.map(({ length }) => length));
  // The next firmware may be half as large again; and a chip beside has pages twice as large.
  const imagePages = Math.max(imagePagesMin, 2 * Math.ceil((largest * 1.5) / (2 * pageBytes)));
  const known = componentsOf(profile, imagePages).map(({ identifier }) => identifier);
  const others = new Set(known.slice(1).map(componentName));
  // The component that starts is called what its author calls it, where the profile leaves that open.
  const main = profiles[profile].isNamedByAuthor
    ? components.find((each) => !others.has(componentName(each)))
    : undefined;
  const kind = { profile, imagePages, ...(main === undefined ? {} : { component: main }) };
  requireComponents(profileOf(kind), components);
  return kind;
}

const componentsOf = (profile: ProfileName, imagePages = imagePagesMin) =>
  profileOf({ profile, imagePages }).layout.components;

const stagingOf = (profile: ProfileName): ReadonlySet<string> =>
  new Set(
    componentsOf(profile)
      .filter(({ role }) => role === 'staging')
      .map(({ identifier }) => componentName(identifier)),
  );

/** Each of them once; only what need not be there may be left out. */
function requireComponents({ name, layout }: Profile, found: readonly ComponentIdentifier[]): void {
  const names = new Set(found.map(componentName));
  const isComplete = layout.components.every(
    ({ identifier, role }) => role === 'extra' || role === 'staging' || names.has(componentName(identifier)),
  );
  const own = layout.components.map(({ identifier }) => identifier);
  const isOwn = found.every((each) => own.some((other) => componentName(other) === componentName(each)));
  if (isComplete && isOwn && names.size === found.length) return;
  const why = `expected firmware for ${namesOf(own)}, as ${name} has it, found it for ${namesOf(found)}`;
  throw failed(`${why}\n  lapel device make --help has the profiles and their components`);
}

const namesOf = (components: readonly ComponentIdentifier[]): string =>
  components.map(componentText).join(', ');

function only(what: string, identifiers: readonly Uint8Array[]): Uint8Array {
  const distinct = new Map(identifiers.map((each) => [hex(each), each]));
  const [first] = distinct.values();
  if (first !== undefined && distinct.size === 1) return first;
  throw failed(`expected the first firmware to name one ${what}, found ${distinct.size}`);
}

const failed = (message: string) => new CommandFailure(exitCodes.failed, message);
