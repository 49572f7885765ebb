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
import type { Planned, PlannedImage, PlannedSlot } from './templates.ts';
import { sequencesFor } from './templates.ts';

export interface BuildWorld {
  readonly images: Images;
  /** Asked only where the sequence number is `now`. */
  readonly clock: Pick<Clock, 'wallMs'>;
}

/** @throws {ImageError} where an image can't be used. */
export async function buildEnvelope(
  description: Description,
  { images, clock }: BuildWorld,
): Promise<Envelope> {
  const { sequence, referenceUri, text, severable } = description;
  const components = componentsOf(description.components);
  const payloads = new Map<string, Uint8Array>();
  const planned: Planned[] = [];
  for (const component of description.components) {
    planned.push(await plan(component, components, images, payloads));
  }
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
      sequenceNumber: sequence === 'now' ? Math.floor(clock.wallMs() / 1000) : sequence,
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
export const publishedUri = (imageDigest: Uint8Array): string => `../payloads/${hex(imageDigest)}`;

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
  images: Images,
  payloads: Map<string, Uint8Array>,
): Promise<Planned> {
  const indexOf = (wanted: ComponentIdentifier) =>
    components.findIndex((each) => componentName(each) === componentName(wanted));
  const measured = async (image: ImageDescription): Promise<PlannedImage> => {
    const figures = await images.measure(image.image);
    return { figures, ...(await payloadUri(image, figures, images, payloads)) };
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

/**
 * The URI that a device fetches the payload by; an integrated one is put among `payloads` under it
 * (§7.5).
 */
async function payloadUri(
  { image, payload }: ImageDescription,
  figures: ImageFigures,
  images: Images,
  payloads: Map<string, Uint8Array>,
): Promise<{ readonly uri?: string }> {
  if (payload === 'present') return {};
  if (payload === 'published') return { uri: publishedUri(figures.digest) };
  if (payload !== 'integrated') return payload;
  const content = await images.read(image, server.envelopeBytes);
  // The figures come from an earlier pass: a file that changed in between must not go out under the old
  // digest.
  if (compareBytes(digest('sha-256', content), figures.digest) !== 0) {
    throw new ImageError(`expected the image ${image} to stay as it is, found it changed while it was read`);
  }
  const uri = `#${image.slice(image.search(/[^/\\]*$/))}`;
  const other = payloads.get(uri);
  if (other !== undefined && compareBytes(other, content) !== 0) {
    throw new ImageError(`expected integrated images with different names, found ${uri.slice(1)} again`);
  }
  payloads.set(uri, content);
  return { uri };
}

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
