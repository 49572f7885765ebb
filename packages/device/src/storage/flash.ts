/**
 * NOR flash as a device sees it: reading is free, programming clears bits of erased granules once, erasing
 * sets a whole page. Three methods and a geometry: what a board must give. All synchronous, so that a
 * bootloader can use them.
 */

/** A run of equal pages: all of a microcontroller's flash, or a chip beside it. */
export interface Chip {
  /** What one erase sets to ones. */
  readonly pageBytes: number;
  /** What is programmed at once, and only once between two erases: flash with ECC forbids a second time. */
  readonly granuleBytes: number;
  readonly pages: number;
}

/** One chip, or several in one address space, one right behind the other. */
export type FlashGeometry = Chip | readonly Chip[];

export const chipsOf = (geometry: FlashGeometry): readonly Chip[] =>
  'pageBytes' in geometry ? [geometry] : geometry;

export const flashBytes = (geometry: FlashGeometry): number =>
  chipsOf(geometry).reduce((sum, { pageBytes, pages }) => sum + pageBytes * pages, 0);

/** Flash could not be read: what lies there is damaged beyond what its error correction mends. */
export class FlashFault extends Error {
  override readonly name = 'FlashFault';
}

export interface Flash {
  readonly geometry: FlashGeometry;
  /** A copy of `length` bytes from `address`. @throws {FlashFault} where some of them cannot be read. */
  read(address: number, length: number): Uint8Array;
  /** `address` and the length are multiples of the granule; every granule touched is erased. */
  program(address: number, bytes: Uint8Array): void;
  /** Sets the page that begins at `address` to ones. */
  erase(address: number): void;
}

/** What an erased byte reads. */
export const erasedByte = 0xff;

/** A run of whole pages, all of one chip. */
export interface Region {
  readonly address: number;
  readonly bytes: number;
  readonly pageBytes: number;
  readonly granuleBytes: number;
}

/** Bytes followed by as many erased bytes as fill their last granule. */
export function padded(bytes: Uint8Array, granuleBytes: number): Uint8Array {
  const filled = new Uint8Array(Math.ceil(bytes.length / granuleBytes) * granuleBytes).fill(erasedByte);
  filled.set(bytes);
  return filled;
}

export const isErased = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === erasedByte);

/**
 * As `read`, where damage is expected: what cannot be read is zeros, and `isWhole` says so. Zeros are neither
 * erased nor anything that has a checksum.
 */
export function readWhatCan(
  flash: Flash,
  { address, bytes, granuleBytes }: Region,
): { readonly bytes: Uint8Array; readonly isWhole: boolean } {
  const whole = readable(flash, address, bytes);
  if (whole !== undefined) return { bytes: whole, isWhole: true };
  const found = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += granuleBytes) {
    const granule = readable(flash, address + at, granuleBytes);
    if (granule !== undefined) found.set(granule, at);
  }
  return { bytes: found, isWhole: false };
}

/** Undefined where some of it cannot be read. */
export function readable(flash: Flash, address: number, length: number): Uint8Array | undefined {
  try {
    return flash.read(address, length);
  } catch (error) {
    if (error instanceof FlashFault) return undefined;
    throw error;
  }
}

export function eraseRegion(flash: Flash, { address, bytes, pageBytes }: Region): void {
  for (let at = address; at < address + bytes; at += pageBytes) flash.erase(at);
}
