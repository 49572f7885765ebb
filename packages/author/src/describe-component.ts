/** One component of a description: its identifier, its image or images, and how the payload gets there. */

import { unhex } from '@lapel/cbor';
import type { ComponentIdentifier } from '@lapel/suit';
import type {
  ComponentDescription,
  ImageDescription,
  ImageFormat,
  PayloadSource,
  SlotImage,
} from './description.ts';
import type { EncryptionDescription } from './encrypt-payload.ts';
import { contentAlgorithmNames } from './encrypt-payload.ts';
import type { Located } from './located.ts';
import { boolOf, fieldsOf, isFields, isList, itemsOf, refusal, textOf, uintOf } from './located.ts';

export const componentKeys = [
  'id',
  'image',
  'uri',
  'integrated',
  'present',
  'compress',
  'deltaFrom',
  'encryptFor',
  'encryption',
  'slots',
  'staging',
  'load',
  'bootable',
  'version',
  'description',
  'text',
] as const;

/** The values behind a component's keys, and the whole that they stand in. */
export type ComponentFields = {
  readonly [K in (typeof componentKeys)[number]]?: Located | undefined;
} & { readonly whole: Located };

const slotKeys = ['image', 'uri', 'integrated', 'present', 'compress', 'deltaFrom', 'slot'] as const;
const loadKeys = ['id', 'image'] as const;

const pathLengthMax = 4096;
const uriLengthMax = 2048;
const identifierPartsMax = 16;
const identifierPartBytesMax = 256;
const slotsMax = 16;
/** A file for each; a manifest has less than 60 bytes for each, and an envelope its own limits. */
const recipientsMax = 10_000;

/** @throws {DescriptionError} */
export function describeComponent(fields: ComponentFields): ComponentDescription {
  const { whole, id, slots, staging, load, bootable } = fields;
  if (id === undefined) throw refusal(whole, 'expected the key id, such as id: main, found none');
  const conflict = staging ?? load;
  if (slots !== undefined && conflict !== undefined) {
    throw refusal(
      conflict,
      `expected slots without ${conflict.name}: each slot's image runs where it is installed`,
    );
  }
  const images = slots === undefined ? ([imageOf(fields)] as const) : slotsOf(fields, slots);
  const present = images.filter(({ payload }) => payload === 'present').length;
  if (staging !== undefined && present > 0) {
    throw refusal(staging, 'expected staging for an image that is downloaded, found present: true');
  }
  requireWayToDecrypt(fields);
  if (staging !== undefined && fields.deltaFrom !== undefined && fields.encryptFor === undefined) {
    // Whoever fetches knows the component that it fetches to, and what that one holds.
    throw refusal(
      fields.deltaFrom,
      'expected deltaFrom for an image that is fetched into its component, found staging beside it',
    );
  }
  if (slots !== undefined && present > 0 && present < images.length) {
    throw refusal(slots, 'expected present: true for every slot or for none, found it for some');
  }
  return {
    id: identifierOf(id),
    images,
    ...(staging === undefined ? {} : { staging: identifierOf(staging) }),
    ...(load === undefined ? {} : { load: loadOf(load, images[0]?.image ?? '') }),
    bootable: bootable !== undefined && boolOf(bootable),
  };
}

/** Firmware-encryption §4: decrypted is what is copied, or written; what is fetched stays as it comes. */
function requireWayToDecrypt({ encryptFor, encryption, slots, staging, integrated }: ComponentFields): void {
  if (encryptFor === undefined) {
    if (encryption === undefined) return;
    throw refusal(encryption, 'expected encryptFor beside encryption, found none');
  }
  if (slots !== undefined) throw refusal(encryptFor, 'expected encryptFor with one image, found slots');
  const isIntegrated = integrated !== undefined && boolOf(integrated);
  if (isIntegrated === (staging === undefined)) return;
  const place = 'staging, where the ciphertext is downloaded to, or integrated: true';
  throw refusal(encryptFor, `expected ${place}, found ${isIntegrated ? 'both' : 'neither'}`);
}

function slotsOf(fields: ComponentFields, slots: Located): readonly SlotImage[] {
  const { image, uri, integrated, present, compress, deltaFrom } = fields;
  const misplaced = image ?? uri ?? integrated ?? present ?? compress ?? deltaFrom;
  if (misplaced !== undefined) {
    throw refusal(misplaced, `expected ${misplaced.name} inside one of slots, found it beside them`);
  }
  const numbers = new Set<number>();
  return itemsOf(slots, { min: 2, max: slotsMax }).map((item, index) => {
    const found = fieldsOf({ ...item, name: 'a slot' }, slotKeys);
    const slot = found.slot === undefined ? index : uintOf(found.slot);
    if (numbers.has(slot)) throw refusal(found.slot ?? item, `expected each slot once, found ${slot} again`);
    numbers.add(slot);
    return { slot, ...imageOf({ ...found, whole: item }) };
  });
}

type ImageFields = Pick<
  ComponentFields,
  | 'image'
  | 'uri'
  | 'integrated'
  | 'present'
  | 'compress'
  | 'deltaFrom'
  | 'encryptFor'
  | 'encryption'
  | 'whole'
>;

function imageOf(fields: ImageFields): ImageDescription {
  if (fields.image === undefined)
    throw refusal(
      fields.whole,
      'expected the key image, such as image: build/lamp.bin, or slots, found none',
    );
  const payload = payloadOf(fields);
  const format = formatOf(fields, payload);
  const encryption = encryptionOf(fields);
  return {
    image: textOf(fields.image, pathLengthMax),
    payload,
    ...(format === undefined ? {} : { format }),
    ...(encryption === undefined ? {} : { encryption }),
  };
}

function encryptionOf({ encryptFor, encryption }: ImageFields): EncryptionDescription | undefined {
  if (encryptFor === undefined) return undefined;
  const recipients = itemsOf(encryptFor, { min: 1, max: recipientsMax }).map((key) =>
    textOf(key, pathLengthMax),
  );
  if (encryption === undefined) return { algorithm: 'A128GCM', recipients };
  const word = textOf(encryption, pathLengthMax);
  const algorithm = contentAlgorithmNames.find((name) => name === word);
  if (algorithm !== undefined) return { algorithm, recipients };
  const known = contentAlgorithmNames.join(', ');
  throw refusal(encryption, `expected one of ${known}, found ${JSON.stringify(word)}`);
}

function formatOf({ compress, deltaFrom }: ImageFields, payload: PayloadSource): ImageFormat | undefined {
  const isCompressed = compress !== undefined && boolOf(compress);
  if (isCompressed && deltaFrom !== undefined) {
    const found = 'expected one of compress and deltaFrom, found both: a difference is always compressed';
    throw refusal(deltaFrom, found);
  }
  const asked = isCompressed ? compress : deltaFrom;
  if (asked === undefined) return undefined;
  if (payload === 'integrated' || payload === 'present') {
    const found = `found ${payload}: true beside it`;
    throw refusal(asked, `expected ${asked.name} for an image that is downloaded, ${found}`);
  }
  if (deltaFrom === undefined) return 'compressed';
  return { deltaFrom: textOf(deltaFrom, pathLengthMax) };
}

function payloadOf({ uri, integrated, present }: ImageFields): PayloadSource {
  const isIntegrated = integrated !== undefined && boolOf(integrated);
  const isPresent = present !== undefined && boolOf(present);
  const second =
    uri !== undefined && (isIntegrated || isPresent) ? uri : isIntegrated && isPresent ? present : undefined;
  if (second !== undefined) {
    throw refusal(
      second,
      `expected one of uri, integrated and present, found ${second.name} as a second one`,
    );
  }
  if (isIntegrated) return 'integrated';
  if (isPresent) return 'present';
  return uri === undefined ? 'published' : { uri: textOf(uri, uriLengthMax) };
}

function loadOf(located: Located, image: string): NonNullable<ComponentDescription['load']> {
  if (!isFields(located)) return { id: identifierOf(located), image };
  const fields = fieldsOf(located, loadKeys);
  if (fields.id === undefined) throw refusal(located, 'expected the key id, such as id: ram, found none');
  const given = fields.image === undefined ? image : textOf(fields.image, pathLengthMax);
  return { id: identifierOf(fields.id), image: given };
}

/** A text, or a list of texts; `h'00ff'` stands for bytes, as in diagnostic notation. */
function identifierOf(located: Located): ComponentIdentifier {
  const parts = isList(located) ? itemsOf(located, { min: 1, max: identifierPartsMax }) : [located];
  return parts.map((part) => {
    const text = textOf(part, 2 * identifierPartBytesMax + 3);
    const digits = /^h'(?<digits>.*)'$/.exec(text)?.groups?.['digits'];
    const bytes = digits === undefined ? new TextEncoder().encode(text) : unhex(digits);
    if (bytes === undefined || bytes.length > identifierPartBytesMax) {
      throw refusal(
        part,
        `expected a part of an identifier of at most ${identifierPartBytesMax} bytes, found ${text}`,
      );
    }
    return bytes;
  });
}
