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

export interface ReleasePlan {
  readonly image: Uint8Array;
  readonly sequence: number;
  readonly version: string;
  readonly className: string;
  readonly key: SigningKey;
}

/** A signed envelope for one component, its payload beside the manifests of the firmware server. */
export async function makeRelease(plan: ReleasePlan): Promise<Uint8Array> {
  const { image, sequence, version, className, key } = plan;
  const envelope = await buildEnvelope(
    {
      sequence,
      vendorIdentifier: vendor,
      classIdentifier: deviceClass(className),
      components: [{ id: component, images: [{ image: 'image', payload: 'published' }], bootable: true }],
      severable: [],
      text: {
        rest: [
          [
            'en',
            {
              updateDescription: `${className} ${version}`,
              rest: [[component, { vendorDomain, modelName: className, componentVersion: version }]],
            },
          ],
        ],
      },
    },
    { images: inMemory(image), clock: { wallMs: () => 0 } },
  );
  return signEnvelope(writeEnvelope(envelope), key);
}

const inMemory = (image: Uint8Array): Images => ({
  measure: async () => ({ sizeBytes: image.length, digest: digest('sha-256', image) }),
  read: async () => image,
});
