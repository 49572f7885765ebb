/** Makes releases for simulated devices with the author's own tools. */

import type { ContentAlgorithm, SigningKey } from '@lapel/cose';
import { digest } from '@lapel/cose';
import { buildEnvelope, signEnvelope } from '@lapel/author';
import type { ComponentDescription, ImageDescription, Images } from '@lapel/author';
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
  readonly secret?: Secret;
  /** Where its payload is, if not at the firmware server. */
  readonly uri?: string;
}

/** Who can read a payload. */
export interface Secret {
  /** Of devices, as they keep them. */
  readonly keys: readonly Uint8Array[];
  readonly algorithm?: ContentAlgorithm;
  /** Where the ciphertext is fetched to; absent: it is inside the manifest. */
  readonly staging?: ComponentIdentifier;
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
  readonly uri?: string;
}

/** A signed envelope for one component, its payload beside the manifests of the firmware server. */
export const makeRelease = ({ image, uri, ...plan }: ReleasePlan): Promise<Uint8Array> =>
  makeUpdate({ ...plan, parts: [{ component, image, ...(uri === undefined ? {} : { uri }) }] });

/** The same for several components, which belong together. */
export async function makeUpdate(plan: UpdatePlan): Promise<Uint8Array> {
  const { parts, sequence, version, className, key, onPayload } = plan;
  const files = new Map(parts.flatMap(filesOf));
  const texts = parts.map(
    ({ component: id }) => [id, { vendorDomain, modelName: className, componentVersion: version }] as const,
  );
  const envelope = await buildEnvelope(
    {
      sequence,
      vendorIdentifier: vendor,
      classIdentifier: deviceClass(className),
      components: parts.map(described),
      severable: [],
      text: { rest: [['en', { updateDescription: `${className} ${version}`, rest: texts }]] },
    },
    {
      images: inMemory(files),
      clock: { wallMs: () => 0 },
      keep: async ({ content }) => onPayload?.(content),
    },
  );
  return signEnvelope(writeEnvelope(envelope), key);
}

const nameOf = (what: string, index: number): string => `${what} ${index}`;

function filesOf({ image, format, secret }: Part, index: number): [string, Uint8Array][] {
  const files: [string, Uint8Array][] = [[nameOf('image', index), image]];
  if (typeof format === 'object') files.push([nameOf('precursor', index), format.precursor]);
  secret?.keys.forEach((key, each) => files.push([nameOf(`key ${each}`, index), key]));
  return files;
}

const isInside = (secret: Secret | undefined): boolean =>
  secret !== undefined && secret.staging === undefined;

function described({ component: id, format, secret, uri }: Part, index: number): ComponentDescription {
  const image: ImageDescription = {
    image: nameOf('image', index),
    payload: uri === undefined ? (isInside(secret) ? 'integrated' : 'published') : { uri },
    ...(format === undefined
      ? {}
      : { format: format === 'compressed' ? format : { deltaFrom: nameOf('precursor', index) } }),
    ...(secret === undefined
      ? {}
      : {
          encryption: {
            algorithm: secret.algorithm ?? 'A128GCM',
            recipients: secret.keys.map((_, each) => nameOf(`key ${each}`, index)),
          },
        }),
  };
  const { staging } = secret ?? {};
  return { id, images: [image], ...(staging === undefined ? {} : { staging }), bootable: index === 0 };
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
