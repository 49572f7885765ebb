/** The keys of a component in a description, and what they demand of each other. */

import { identifier, literal, path, recipients, uri, versionMatches } from './common-shapes.ts';
import { metadata } from './describe-metadata.ts';
import { componentTexts } from './describe-text.ts';
import { contentAlgorithmNames } from './encrypt-payload.ts';
import type { Rule } from './fields.ts';
import { apart, fields, needs, optional, required } from './fields.ts';
import { refusal } from './located.ts';
import { choice, flag, list, mapOr, mapped, text, uint } from './shape.ts';

const slotsMax = 16;
const textLengthMax = 64 * 1024;
/** A file for each; a manifest has less than 60 bytes for each, and an envelope its own limits. */

/** What is said of one image: of a component's only one, or of the one for a slot. */
const imageKeys = {
  image: optional('Path of the image, relative to the description.', path),
  uri: optional('Where the payload is. Default: on the firmware server, by its digest.', uri),
  integrated: optional('The payload travels inside the envelope.', flag),
  present: optional('The image is in its place already: it is only checked.', flag),
  compress: optional('The payload is the image, compressed.', flag),
  deltaFrom: optional('The payload is the difference to this image, which devices have.', path),
} as const;
const imageKeyNames = Object.keys(imageKeys) as (keyof typeof imageKeys)[];

/** Of how a payload travels, each says something that the others deny. */
const imageRules: readonly Rule<keyof typeof imageKeys>[] = [
  apart(['uri'], ['integrated', 'present'], ({ name }) => secondSource(name)),
  apart(['present'], ['integrated'], ({ name }) => secondSource(name)),
  apart(
    ['deltaFrom'],
    ['compress'],
    () => 'expected one of compress and deltaFrom, found both: a difference is always compressed',
  ),
  apart(
    ['compress', 'deltaFrom'],
    ['integrated', 'present'],
    ({ name }, other) =>
      `expected ${name} for an image that is downloaded, found ${other.name}: true beside it`,
  ),
];

const secondSource = (name: string) =>
  `expected one of uri, integrated and present, found ${name} as a second one`;

const slotShape = fields(
  'a slot',
  {
    ...imageKeys,
    image: required('Path of the image for this slot.', path, 'image: build/lamp-a.bin'),
    slot: optional('Number of the slot. Default: 0, 1, …', uint),
  },
  imageRules,
);
export type GivenSlot = ReturnType<(typeof slotShape)['read']>;

const loadShape = mapOr(
  fields('load', {
    id: required('The component that the image is copied to.', identifier, 'id: ram'),
    image: optional('Path of the image, where it is another one there.', path),
  }),
  identifier,
);

/** All but its name and its texts. */
export const ownKeys = {
  ...imageKeys,
  slots: optional(
    'One image for each slot; the device takes the one that fits where it installs.',
    mapped(list(slotShape, { min: 2, max: slotsMax }), (slots, located) => {
      const present = slots.filter(({ value }) => value.present === true).length;
      if (present === 0 || present === slots.length) return slots;
      throw refusal(located, 'expected present: true for every slot or for none, found it for some');
    }),
  ),
  encryptFor: optional('Paths of the keys of the devices that can read the payload.', recipients),
  encryption: optional('With which the payload is encrypted.', choice(contentAlgorithmNames)),
  fetchArguments: optional("For whoever fetches the payload: a text, or bytes as h'00ff'.", literal),
  staging: optional('The component that the payload is downloaded to, before it is installed.', identifier),
  swap: optional('What is staged and what was there change places.', flag),
  load: optional('The component that the image is copied to before it is invoked.', loadShape),
  bootable: optional('The image is invoked.', flag),
  invokeArguments: optional("What it is invoked with: a text, or bytes as h'00ff'.", literal),
  metadata: optional('What a file system shall know of it.', metadata),
  requires: optional('The version that it must have before the update, such as ">=1.2".', versionMatches),
  replaces: optional('Path of the image that it must hold before the update.', path),
  notOver: optional('Path of an image that it must not hold before the update.', path),
  holds: optional("What it must hold before the update: a text, or bytes as h'00ff'.", literal),
  version: optional('The version of the image, for people.', text(textLengthMax)),
} as const;
export type OwnKey = keyof typeof ownKeys;
export const ownKeyNames = Object.keys(ownKeys) as OwnKey[];

/** What makes sense of a component that is not installed: it is looked at. */
const looks = ['requires', 'replaces', 'notOver', 'holds'] as const;
const ofAnImage = ['uri', 'integrated', 'present', 'compress', 'deltaFrom', 'encryptFor'] as const;
const ofAnyImage = ['staging', 'load', 'bootable', 'metadata'] as const;

const beside = (others: string) => (found: { readonly name: string }) =>
  `expected ${others} beside ${found.name}, found none`;

export const ownRules: readonly Rule<OwnKey>[] = [
  apart(
    ['staging', 'load'],
    ['slots'],
    ({ name }) => `expected slots without ${name}: each slot's image runs where it is installed`,
  ),
  apart(['encryptFor'], ['slots'], () => 'expected encryptFor with one image, found slots'),
  apart(imageKeyNames, ['slots'], ({ name }) => `expected ${name} inside one of slots, found it beside them`),
  apart(
    ['replaces', 'notOver', 'holds', 'fetchArguments'],
    ['slots'],
    ({ name }) => `expected ${name} with one image, found slots`,
  ),
  needs(ofAnImage, ['image'], beside('image')),
  needs(ofAnyImage, ['image', 'slots'], beside('image or slots')),
  ...imageRules,
  apart(
    ['staging'],
    ['present'],
    () => 'expected staging for an image that is downloaded, found present: true',
  ),
  apart(
    ['metadata'],
    ['present'],
    () => 'expected metadata of an image that is installed, found present: true',
  ),
  apart(
    ['fetchArguments'],
    ['integrated', 'present', 'compress', 'deltaFrom', 'encryptFor'],
    ({ name }, other) =>
      `expected ${name} for an image that is fetched as it is, found ${other.name} beside it`,
  ),
  needs(['fetchArguments'], ['image'], beside('image')),
  needs(['encryption'], ['encryptFor'], beside('encryptFor')),
  // Firmware-encryption §4: decrypted is what is copied, or written; what is fetched stays as it comes.
  needs(['encryptFor'], ['staging', 'integrated'], () => `expected ${decrypted}, found neither`),
  apart(
    ['encryptFor'],
    ['swap'],
    () => 'expected encryptFor for an image that is copied from where it was staged, found swap beside it',
  ),
  bothWays(),
  // Whoever fetches knows the component that it fetches to, and what that one holds.
  apart(
    ['deltaFrom'],
    ['staging'],
    () => 'expected deltaFrom for an image that is fetched into its component, found staging beside it',
    'encryptFor',
  ),
  needs(['swap'], ['staging'], beside('staging')),
  needs(['invokeArguments'], ['bootable'], beside('bootable: true')),
];

const decrypted = 'staging, where the ciphertext is downloaded to, or integrated: true';

/** A ciphertext in the envelope is not downloaded. */
function bothWays(): Rule<OwnKey> {
  const all = ['encryptFor', 'staging', 'integrated'] as const;
  return {
    check(given) {
      const [found, ...others] = all.map(given);
      if (found === undefined || others.includes(undefined)) return;
      throw refusal(found, `expected ${decrypted}, found both`);
    },
    schema: (present) => ({ not: { allOf: all.map(present) } }),
  };
}

/** @param id what the key with its name is called */
export const imageNeeded = <K extends 'id' | 'component'>(id: K): Rule<K | OwnKey> =>
  needs<K | OwnKey>(
    [id],
    ['image', 'slots', ...looks],
    () => 'expected the key image, such as image: build/lamp.bin, or slots, found none',
  );

export const componentShape = fields(
  'a component',
  {
    id: required('Its identifier, as the device knows it.', identifier, 'id: main'),
    ...ownKeys,
    description: optional('What it is, for people.', text(textLengthMax)),
    text: optional('Texts by language.', componentTexts),
  },
  [imageNeeded('id'), ...ownRules],
);
