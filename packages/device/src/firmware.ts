/** A signed envelope with the images that its manifest is about, as a person has them in files. */

export interface Firmware {
  readonly envelope: Uint8Array;
  /** Of the manifest's first component. */
  readonly image: Uint8Array;
  /** Of those behind it, in their order. */
  readonly further?: readonly Uint8Array[];
}

export const imageOf = ({ image, further }: Firmware, component: number): Uint8Array | undefined =>
  component === 0 ? image : further?.[component - 1];
