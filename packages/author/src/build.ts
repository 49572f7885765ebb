/**
 * The author's first step: a description and its images to an unsigned envelope
 * (draft-ietf-suit-manifest-37 §7, §8).
 */

import { compareBytes, hex, write } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import type { ComponentIdentifier, Envelope, Severable, SeverableName } from '@lapel/suit';
import {
  Digest,
  Manifest,
  Text,
  componentName,
  digestOf,
  manifestVersion,
  server,
  severableNames,
  wrap,
} from '@lapel/suit';
import type { Clock } from '@lapel/transport';
import type { ComponentDescription, Description, ImageDescription } from './description.ts';
import { isSlotted } from './description.ts';
import type { ImageFigures, Images } from './images.ts';
import { ImageError } from './images.ts';
import type { FormattedPayload } from './format-payload.ts';
import { encryptPayload } from './encrypt-payload.ts';
import { fileName, formatPayload, imageBytesMax, readAgain } from './format-payload.ts';
import type { Planned, PlannedImage, PlannedSlot } from './templates.ts';
import { sequencesFor } from './templates.ts';

export interface BuildWorld {
  readonly images: Images;
  /** Asked only where the sequence number is `now`. */
  readonly clock: Pick<Clock, 'wallMs'>;
  /** Keeps a payload that was made of an image, for `publishRelease`; needed only for such descriptions. */
  readonly keep?: (payload: FormattedPayload) => Promise<void>;
}

/** @throws {ImageError} where an image can't be used. */
export async function buildEnvelope(description: Description, world: BuildWorld): Promise<Envelope> {
  const { sequence, referenceUri, text, severable } = description;
  const components = componentsOf(description.components);
  const payloads = new Map<string, Uint8Array>();
  const making = { ...world, payloads, formatted: new Map<string, FormattedPayload>() };
  const planned: Planned[] = [];
  for (const component of description.components) planned.push(await plan(component, components, making));
  for (const payload of making.formatted.values()) await keep(payload, world);
  const { vendorIdentifier, classIdentifier, deviceIdentifier } = description;
  const compatibility = {
    vendorIdentifier,
    classIdentifier,
    ...(deviceIdentifier === undefined ? {} : { deviceIdentifier }),
  };
  const { sharedSequence, payloadFetch, install, ...others } = sequencesFor(
    planned,
    compatibility,
    components,
  );
  const elements = { payloadFetch, install, text: text === undefined ? undefined : write(Text, text) };
  const { inside, outside } = severableElements(elements, severable);
  const manifest = wrap(
    write(Manifest, {
      version: manifestVersion,
      sequenceNumber: sequence === 'now' ? Math.floor(world.clock.wallMs() / 1000) : sequence,
      common: { components, ...(sharedSequence === undefined ? {} : { sharedSequence }) },
      ...(referenceUri === undefined ? {} : { referenceUri }),
      ...others,
      ...inside,
    }),
  );
  return { digest: write(Digest, sha256(manifest)), blocks: [], manifest, severed: outside, payloads };
}

/**
 * Where a device finds a published payload: beside the manifests of the firmware server that it has the
 * manifest from.
 */
export const publishedUri = (payloadDigest: Uint8Array): string => `../payloads/${hex(payloadDigest)}`;

async function keep(payload: FormattedPayload, world: BuildWorld): Promise<void> {
  if (world.keep === undefined) throw new TypeError(`expected someone to keep ${payload.name}, found none`);
  await world.keep(payload);
}

/** Each described component, followed by the places that its payload passes through. */
const componentsOf = (described: readonly ComponentDescription[]): readonly ComponentIdentifier[] =>
  described.flatMap(({ id, staging, load }) => [
    id,
    ...(staging === undefined ? [] : [staging]),
    ...(load === undefined ? [] : [load.id]),
  ]);

async function plan(
  { id, images: described, staging, load, bootable }: ComponentDescription,
  components: readonly ComponentIdentifier[],
  making: Making,
): Promise<Planned> {
  const { images } = making;
  const indexOf = (wanted: ComponentIdentifier) =>
    components.findIndex((each) => componentName(each) === componentName(wanted));
  const measured = async (image: ImageDescription): Promise<PlannedImage> => {
    const figures = await images.measure(image.image);
    return { figures, ...(await payloadOf(image, figures, making)) };
  };
  const common = {
    index: indexOf(id),
    bootable,
    ...(staging === undefined ? {} : { stagingIndex: indexOf(staging) }),
    ...(load === undefined
      ? {}
      : { load: { index: indexOf(load.id), figures: await images.measure(load.image) } }),
  };
  if (!isSlotted(described)) return { ...common, images: [await measured(described[0])] };
  const slots: PlannedSlot[] = [];
  for (const image of described) slots.push({ slot: image.slot, ...(await measured(image)) });
  return { ...common, images: slots };
}

interface Making extends BuildWorld {
  /** Integrated ones, by URI. */
  readonly payloads: Map<string, Uint8Array>;
  /** Those made of images, by name. */
  readonly formatted: Map<string, FormattedPayload>;
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
  const { images, payloads } = making;
  if (payload === 'present') return {};
  if (encryption !== undefined) return encryptedOf({ ...described, encryption }, figures, making);
  if (payload === 'integrated') {
    const uri = `#${fileName(image)}`;
    const content = await readAgain(image, figures, images, server.envelopeBytes);
    const other = payloads.get(uri);
    if (other !== undefined && compareBytes(other, content) !== 0) throw sameName('integrated images', image);
    payloads.set(uri, content);
    return { uri };
  }
  const given = payload === 'published' ? undefined : payload.uri;
  if (format === undefined) return { uri: given ?? publishedUri(figures.digest) };
  const { digest: of, fetchArguments } = enlist(await formatPayload(image, format, figures, images), making);
  return { uri: given ?? publishedUri(of), ...(fetchArguments === undefined ? {} : { fetchArguments }) };
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

function enlist(made: FormattedPayload, { formatted }: Making): FormattedPayload {
  const other = formatted.get(made.name);
  if (other !== undefined && compareBytes(other.digest, made.digest) !== 0) {
    throw sameName('images to make payloads of', made.image);
  }
  formatted.set(made.name, made);
  return made;
}

const sameName = (what: string, image: string) =>
  new ImageError(`expected ${what} with different names, found ${fileName(image)} again`);

type Elements = { readonly [K in SeverableName]?: Uint8Array | undefined };
type Inside = { [K in SeverableName]?: Severable };
type Outside = { [K in SeverableName]?: Uint8Array };

/** §8.6: a severable element stands in the envelope, and its digest, over its head too, in the manifest. */
function severableElements(
  elements: Elements,
  severable: readonly SeverableName[],
): { readonly inside: Inside; readonly outside: Outside } {
  const inside: Inside = {};
  const outside: Outside = {};
  for (const name of severableNames) {
    const element = elements[name];
    if (element === undefined) continue;
    if (!severable.includes(name)) {
      inside[name] = element;
      continue;
    }
    const wrapped = wrap(element);
    inside[name] = sha256(wrapped);
    outside[name] = wrapped;
  }
  return { inside, outside };
}

const sha256 = (bytes: Uint8Array): Digest =>
  digestOf({ algorithm: 'sha-256', bytes: digest('sha-256', bytes) });
