/**
 * A Class 1 device (RFC 7228) with dual-bank flash: either bank can be mapped to where the image is linked
 * for, so both slots run the same image. About 100 KiB of flash in pages of 2 KiB.
 */

import type { ComponentIdentifier } from '@lapel/suit';
import { class1 as limits } from '@lapel/suit';
import type { Profile } from '../profile.ts';
import { twoSlots } from '../storage/layout.ts';

const pageBytes = 2048;

export interface Class1Options {
  readonly imagePages?: number;
  /** What manifests call the component whose images lie in the slots. */
  readonly component?: ComponentIdentifier;
}

/** @param imagePages pages of one slot's image: 20 (40 KiB) make a device of 112 KiB. */
export function class1({ imagePages = 20, component = [new Uint8Array([0])] }: Class1Options = {}): Profile {
  return {
    name: 'class1',
    component,
    limits,
    layout: twoSlots({
      pageBytes,
      granuleBytes: 8,
      loaderPages: 6,
      journalPages: 1,
      trustStorePages: 1,
      envelopePages: 2,
      imagePages,
    }),
  };
}
