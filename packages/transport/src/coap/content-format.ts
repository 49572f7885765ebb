/**
 * Media types ⇄ Content-Formats (RFC 7252 §12.3 and its registry). A media type that nobody has given a
 * number to travels without one: §5.5.1 lets the reader know it from the resource, and a number of our own
 * invention would mean another thing to somebody else. draft-ietf-suit-report asks for one and has not got
 * it.
 */

const formatByMediaType: ReadonlyMap<string, number> = new Map([
  ['text/plain', 0],
  // Messages of devices and receipts are COSE_Sign1 (RFC 9052 §11.3.1): the first name is the one that is
  // read.
  ['application/cose', 18],
  ['application/cose; cose-type="cose-sign1"', 18],
  ['application/cose; cose-type="cose-encrypt0"', 16],
  ['application/cose; cose-type="cose-mac0"', 17],
  ['application/link-format', 40],
  ['application/octet-stream', 42],
  ['application/json', 50],
  ['application/cbor', 60],
  ['application/cose; cose-type="cose-encrypt"', 96],
  ['application/cose; cose-type="cose-mac"', 97],
  ['application/cose; cose-type="cose-sign"', 98],
  ['application/concise-problem-details+cbor', 257],
  ['application/missing-blocks+cbor-seq', 272],
  ['application/vnd.oma.lwm2m+tlv', 11542],
]);

const mediaTypeByFormat = new Map(
  [...formatByMediaType].toReversed().map(([mediaType, format]) => [format, mediaType]),
);

/** RFC 9290 §6.3. */
export const problemFormat = 257;
/** RFC 9177 §12.3. */
export const missingBlocksFormat = 272;

export function mediaTypeToFormat(mediaType: string): number | undefined {
  const plain = mediaType.trim().toLowerCase();
  return formatByMediaType.get(plain) ?? formatByMediaType.get(plain.split(';', 1)[0] ?? '');
}

/** Undefined: a number that nobody here knows; what it is worth, the reader finds in the bytes. */
export const formatToMediaType = (format: number): string | undefined => mediaTypeByFormat.get(format);
