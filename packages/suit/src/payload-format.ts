/**
 * How a payload was packed for its way. Manifest-37 has no parameter for it, so the fetch arguments
 * (§8.4.8.13) tell whoever fetches. The order of nested formats is fixed (RFC 9124 §4.5.7): a difference is
 * made first, then it is compressed; a device goes the other way.
 */

import type { Infer } from '@lapel/cbor';
import { bytes, exactly, map, named, optional, required, uint } from '@lapel/cbor';

export const payloadFormatVersion = 1;

export const payloadFormats = { compressed: 1, delta: 2 } as const;

/** What a difference was made against (RFC 9124 §3.5): SHA-256 and size of the whole image. */
const PrecursorFigures = map({ digest: required(1, bytes(32)), sizeBytes: required(2, uint) });

/** Without a format the payload is the image as it is. */
export const PayloadFormat = map({
  version: required(1, exactly(payloadFormatVersion)),
  format: optional(2, named('payload format', payloadFormats)),
  /** Of what is fetched: no more of it is taken. */
  sizeBytes: required(3, uint),
  precursor: optional(4, PrecursorFigures),
});
export type PayloadFormat = Infer<typeof PayloadFormat>;

/**
 * A compressed stream: version, window bits and, in four bytes, how much comes out; then bits, the highest
 * first. 1 and eight bits are a byte. 0 and 1 repeat what stands as far back as the last time; 0 and 0 what
 * stands at a new distance, told less one in window bits. Then comes a length, less `least`, plus one, in
 * Elias's gamma code: as many zeros as it has bits behind its highest, and it. Zeros fill the last byte.
 */
export const compressedStream = {
  version: 1,
  headerBytes: 6,
  /** 2 KiB: what a Class 1 device can spare. */
  windowBits: { min: 4, max: 11 },
  /** The shortest that are told: with a distance of its own, one byte would cost more than as it is. */
  least: { repeated: 1, distant: 2 },
  /** Bits of a length behind its highest: 64 KiB at once. */
  gammaBitsMax: 15,
  firstDistance: 1,
} as const;
