/**
 * An image to the payload that travels in its place: compressed, or as the difference to the image that
 * devices have. What they need to make the image of it stands in the fetch arguments.
 */

import { compareBytes, write } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import { PayloadFormat, payloadFormatVersion } from '@lapel/suit';
import { compress } from './compress.ts';
import { delta } from './delta.ts';
import type { ImageFormat } from './description.ts';
import type { ImageFigures, Images } from './images.ts';
import { ImageError } from './images.ts';

/** A payload that was made and is in no file yet. */
export interface FormattedPayload {
  /** What a file of it may be called. */
  readonly name: string;
  readonly content: Uint8Array;
  /** Path of the image, as described. */
  readonly image: string;
  readonly imageBytes: number;
  /** SHA-256 of the content. */
  readonly digest: Uint8Array;
  /** Absent where it is only encrypted. */
  readonly fetchArguments?: Uint8Array;
}

/** Image and precursor are held whole: far more than a device with so small a window has. */
export const imageBytesMax = 32 * 1024 * 1024;

/** @throws {ImageError} where the image or its precursor can't be used. */
export async function formatPayload(
  image: string,
  format: ImageFormat,
  figures: ImageFigures,
  images: Images,
): Promise<FormattedPayload> {
  const whole = await readAgain(image, figures, images, imageBytesMax);
  const made =
    format === 'compressed'
      ? { name: `${fileName(image)}.compressed`, content: compress(whole) }
      : await difference(image, whole, format.deltaFrom, images);
  const { name, content, precursor } = made;
  const fetchArguments = write(PayloadFormat, {
    version: payloadFormatVersion,
    format: precursor === undefined ? 'compressed' : 'delta',
    sizeBytes: content.length,
    ...(precursor === undefined ? {} : { precursor }),
  });
  const imageBytes = whole.length;
  return { name, content, image, imageBytes, digest: digest('sha-256', content), fetchArguments };
}

interface Made {
  readonly name: string;
  readonly content: Uint8Array;
  readonly precursor?: ImageFigures;
}

async function difference(image: string, whole: Uint8Array, from: string, images: Images): Promise<Made> {
  const old = await images.read(from, imageBytesMax);
  return {
    name: `${fileName(image)}.from-${fileName(from)}.delta`,
    content: delta(old, whole),
    precursor: { digest: digest('sha-256', old), sizeBytes: old.length },
  };
}

/**
 * An image that was measured before. @throws {ImageError} where it is another one by now: it must not go out
 * under the old digest.
 */
export async function readAgain(
  image: string,
  figures: ImageFigures,
  images: Images,
  limitBytes: number,
): Promise<Uint8Array> {
  const content = await images.read(image, limitBytes);
  if (compareBytes(digest('sha-256', content), figures.digest) === 0) return content;
  throw new ImageError(`expected the image ${image} to stay as it is, found it changed while it was read`);
}

export const fileName = (path: string): string => path.slice(path.search(/[^/\\]*$/));
