/** Makes releases for simulated devices with the author's own tools. */

import type { SigningKey } from '@lapel/cose';
import { digest } from '@lapel/cose';
import { buildEnvelope, signEnvelope } from '@lapel/author';
import type { Images } from '@lapel/author';
import type { ComponentIdentifier } from '@lapel/suit';
import { classIdentifier, vendorIdentifier, writeEnvelope } from '@lapel/suit';

/** What a simulated vendor calls itself and its devices. */
export const vendorDomain = 'lapel.example';
export const vendor = vendorIdentifier(vendorDomain);
export const deviceClass = (name: string): Uint8Array => classIdentifier(vendor, name);

export const component: ComponentIdentifier = [new Uint8Array([0])];

/** An image, the component that it is for, and what is made of it on its way. */
export interface Part {
  readonly component: ComponentIdentifier;
  readonly image: Uint8Array;
  readonly format?: 'compressed' | { readonly precursor: Uint8Array };
}

export interface UpdatePlan {
  readonly parts: readonly [Part, ...Part[]];
  readonly sequence: number;
  readonly version: string;
  readonly className: string;
  readonly key: SigningKey;
  /** Told of payloads that were made of images: they are what a device fetches. */
  readonly onPayload?: (content: Uint8Array) => void;
}

export interface ReleasePlan extends Omit<UpdatePlan, 'parts'> {
  readonly image: Uint8Array;
}

/** A signed envelope for one component, its payload beside the manifests of the firmware server. */
export const makeRelease = ({ image, ...plan }: ReleasePlan): Promise<Uint8Array> =>
  makeUpdate({ ...plan, parts: [{ component, image }] });

/** The same for several components, which belong together. */
export async function makeUpdate(plan: UpdatePlan): Promise<Uint8Array> {
  const { parts, sequence, version, className, key, onPayload } = plan;
  const name = (index: number): string => `image ${index}`;
  const precursorName = (index: number): string => `precursor ${index}`;
  const images = new Map(parts.map(({ image }, index) => [name(index), image]));
  parts.forEach(({ format }, index) => {
    if (typeof format === 'object') images.set(precursorName(index), format.precursor);
  });
  const texts = parts.map(
    ({ component: id }) => [id, { vendorDomain, modelName: className, componentVersion: version }] as const,
  );
  const envelope = await buildEnvelope(
    {
      sequence,
      vendorIdentifier: vendor,
      classIdentifier: deviceClass(className),
      components: parts.map(({ component: id, format }, index) => ({
        id,
        images: [
          {
            image: name(index),
            payload: 'published',
            ...(format === undefined
              ? {}
              : { format: format === 'compressed' ? format : { deltaFrom: precursorName(index) } }),
          },
        ],
        bootable: index === 0,
      })),
      severable: [],
      text: { rest: [['en', { updateDescription: `${className} ${version}`, rest: texts }]] },
    },
    {
      images: inMemory(images),
      clock: { wallMs: () => 0 },
      keep: async ({ content }) => onPayload?.(content),
    },
  );
  return signEnvelope(writeEnvelope(envelope), key);
}

function inMemory(images: ReadonlyMap<string, Uint8Array>): Images {
  const imageAt = (path: string): Uint8Array => images.get(path) ?? new Uint8Array();
  return {
    measure: async (path) => ({
      sizeBytes: imageAt(path).length,
      digest: digest('sha-256', imageAt(path)),
    }),
    read: async (path) => imageAt(path),
  };
}
