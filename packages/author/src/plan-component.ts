/** A described component with its images measured, and with the payloads that are made of them. */

import { compareBytes, hex } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import type { ComponentIdentifier } from '@lapel/suit';
import { componentName, server } from '@lapel/suit';
import { metadataOf } from './component-metadata.ts';
import type { ComponentDescription, ComponentPreconditions, ImageDescription } from './description.ts';
import { isSlotted } from './description.ts';
import { encryptPayload } from './encrypt-payload.ts';
import { told } from './fields.ts';
import type { FormattedPayload } from './format-payload.ts';
import { fileName, formatPayload, imageBytesMax, readAgain } from './format-payload.ts';
import type { ImageFigures, Images } from './images.ts';
import { ImageError } from './images.ts';
import type { Planned, PlannedBefore, PlannedImage, PlannedSlot } from './planned.ts';

/** Where what is made on the way is put. */
export interface Making {
  readonly images: Images;
  /** Images that were read already, by path. */
  readonly measured: Map<string, ImageFigures>;
  /** Integrated ones, by URI. */
  readonly payloads: Map<string, Uint8Array>;
  /** Those made of images, by name. */
  readonly formatted: Map<string, FormattedPayload>;
}

/**
 * Where a device finds a published payload: beside the manifests of the firmware server that it has the
 * manifest from.
 */
export const publishedUri = (payloadDigest: Uint8Array): string => `../payloads/${hex(payloadDigest)}`;

/** @throws {ImageError} where an image can't be used. */
export async function planComponent(
  component: ComponentDescription,
  components: readonly ComponentIdentifier[],
  making: Making,
): Promise<Planned> {
  const { id, images, staging, swap, load, bootable, invokeArguments, metadata, before } = component;
  const indexOf = (wanted: ComponentIdentifier) =>
    components.findIndex((each) => componentName(each) === componentName(wanted));
  return {
    index: indexOf(id),
    images: await planImages(images, making),
    bootable,
    ...told({
      stagingIndex: staging === undefined ? undefined : indexOf(staging),
      swap,
      load:
        load === undefined
          ? undefined
          : { index: indexOf(load.id), figures: await measure(load.image, making) },
      invokeArguments,
      metadata: metadata === undefined ? undefined : metadataOf(metadata),
      before: before === undefined ? undefined : await planBefore(before, making),
    }),
  };
}

async function planImages(
  images: ComponentDescription['images'],
  making: Making,
): Promise<Planned['images']> {
  const measured = async (image: ImageDescription): Promise<PlannedImage> => {
    const figures = await measure(image.image, making);
    return { figures, ...(await payloadOf(image, figures, making)) };
  };
  if (!isSlotted(images)) return [await measured(images[0])];
  const slots: PlannedSlot[] = [];
  for (const image of images) slots.push({ slot: image.slot, ...(await measured(image)) });
  return slots;
}

async function planBefore(
  { versions, replaces, notOver, holds }: ComponentPreconditions,
  making: Making,
): Promise<PlannedBefore> {
  return told({
    versions,
    holds,
    replaces: replaces === undefined ? undefined : await measure(replaces, making),
    notOver: notOver === undefined ? undefined : await measure(notOver, making),
  });
}

/** An image that is named twice is read once. */
async function measure(image: string, { images, measured }: Making): Promise<ImageFigures> {
  const figures = measured.get(image) ?? (await images.measure(image));
  measured.set(image, figures);
  return figures;
}

/**
 * How a device obtains the payload. An integrated one is put among `payloads` under its URI (§7.5), one
 * that is made of the image among `formatted`.
 */
async function payloadOf(
  described: ImageDescription,
  figures: ImageFigures,
  making: Making,
): Promise<Omit<PlannedImage, 'figures'>> {
  const { image, payload, format, encryption } = described;
  const { images } = making;
  if (payload === 'present') return {};
  if (encryption !== undefined) return encryptedOf({ ...described, encryption }, figures, making);
  if (payload === 'integrated') {
    const uri = `#${fileName(image)}`;
    const content = await readAgain(image, figures, images, server.envelopeBytes);
    carry(uri, content, image, making);
    return { uri };
  }
  const given = payload === 'published' ? undefined : payload.uri;
  if (format === undefined) {
    return {
      uri: given ?? publishedUri(figures.digest),
      ...told({ fetchArguments: described.fetchArguments }),
    };
  }
  const { digest: of, fetchArguments } = enlist(await formatPayload(image, format, figures, images), making);
  return { uri: given ?? publishedUri(of), ...(fetchArguments === undefined ? {} : { fetchArguments }) };
}

/** Puts what travels in the envelope there. @throws {ImageError} where its name is another one's already. */
export function carry(uri: string, content: Uint8Array, path: string, { payloads }: Making): void {
  const other = payloads.get(uri);
  if (other !== undefined && compareBytes(other, content) !== 0) throw sameName('integrated images', path);
  payloads.set(uri, content);
}

/** RFC 9124 §4.5.7: what is packed is packed before it is encrypted; a ciphertext can't be. */
async function encryptedOf(
  { image, payload, format, encryption }: ImageDescription & Required<Pick<ImageDescription, 'encryption'>>,
  figures: ImageFigures,
  making: Making,
): Promise<Omit<PlannedImage, 'figures'>> {
  const { images } = making;
  const packed = format === undefined ? undefined : await formatPayload(image, format, figures, images);
  const plaintext = packed?.content ?? (await readAgain(image, figures, images, imageBytesMax));
  const { info, content } = await encryptPayload(plaintext, encryption, images);
  if (payload === 'integrated') return { encryption: { info, content } };
  const ciphertext = { digest: digest('sha-256', content), sizeBytes: content.length };
  const name = `${packed?.name ?? fileName(image)}.encrypted`;
  enlist({ name, content, image, imageBytes: figures.sizeBytes, digest: ciphertext.digest }, making);
  return {
    uri: typeof payload === 'object' ? payload.uri : publishedUri(ciphertext.digest),
    ...(packed?.fetchArguments === undefined ? {} : { fetchArguments: packed.fetchArguments }),
    encryption: { info, ciphertext },
  };
}

/** What was made on the way is kept, once. @throws {ImageError} where its name is another one's already. */
export function enlist(made: FormattedPayload, { formatted }: Making): FormattedPayload {
  const other = formatted.get(made.name);
  if (other !== undefined && compareBytes(other.digest, made.digest) !== 0) {
    throw sameName('images to make payloads of', made.image);
  }
  formatted.set(made.name, made);
  return made;
}

const sameName = (what: string, image: string) =>
  new ImageError(`expected ${what} with different names, found ${fileName(image)} again`);
