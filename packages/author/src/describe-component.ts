/** One component of a description: its image or images, and how the payload gets there. */

import type { ComponentIdentifier } from '@lapel/suit';
import type { GivenSlot, ownKeys } from './component-keys.ts';
import type {
  ComponentDescription,
  ImageDescription,
  ImageFormat,
  PayloadSource,
  SlotImage,
} from './description.ts';
import type { Given } from './fields.ts';
import { told } from './fields.ts';
import { refusal } from './located.ts';

export type GivenComponent = Given<typeof ownKeys>;

/** @throws {DescriptionError} */
export function describeComponent(id: ComponentIdentifier, given: GivenComponent): ComponentDescription {
  const { value } = given;
  const { staging, swap, load, invokeArguments, metadata, requires, replaces, notOver, holds } = value;
  const images = imagesOf(given);
  const before = told({ versions: requires, replaces, notOver, holds });
  return {
    id,
    images,
    bootable: value.bootable === true,
    ...told({
      staging,
      swap: swap === true ? true : undefined,
      load: load === undefined ? undefined : loadOf(load, images[0]?.image ?? ''),
      invokeArguments,
      metadata,
      before: Object.keys(before).length === 0 ? undefined : before,
    }),
  };
}

function imagesOf({ value }: GivenComponent): ComponentDescription['images'] {
  if (value.slots !== undefined) return slotsOf(value.slots);
  if (value.image === undefined) return [];
  const { image, encryptFor: recipients, encryption = 'A128GCM', fetchArguments } = value;
  return [
    {
      ...imageOf({ ...value, image }),
      ...told({
        encryption: recipients === undefined ? undefined : { algorithm: encryption, recipients },
        fetchArguments,
      }),
    },
  ];
}

function slotsOf(slots: readonly GivenSlot[]): readonly SlotImage[] {
  const numbers = new Set<number>();
  return slots.map(({ value, at, whole }, index) => {
    const { slot = index } = value;
    if (numbers.has(slot)) throw refusal(at.slot ?? whole, `expected each slot once, found ${slot} again`);
    numbers.add(slot);
    return { slot, ...imageOf(value) };
  });
}

type ImageValues = Pick<
  GivenSlot['value'],
  'image' | 'uri' | 'integrated' | 'present' | 'compress' | 'deltaFrom'
>;

const imageOf = (value: ImageValues): ImageDescription => ({
  image: value.image,
  payload: payloadOf(value),
  ...told({ format: formatOf(value) }),
});

function formatOf({ compress, deltaFrom }: ImageValues): ImageFormat | undefined {
  if (deltaFrom !== undefined) return { deltaFrom };
  return compress === true ? 'compressed' : undefined;
}

function payloadOf({ uri, integrated, present }: ImageValues): PayloadSource {
  if (integrated === true) return 'integrated';
  if (present === true) return 'present';
  return uri === undefined ? 'published' : { uri };
}

type LoadValue = NonNullable<GivenComponent['value']['load']>;

function loadOf(load: LoadValue, image: string): NonNullable<ComponentDescription['load']> {
  if (!('value' in load)) return { id: load, image };
  return { id: load.value.id, image: load.value.image ?? image };
}
