/**
 * The value of the OSCORE option (RFC 8613 §6.1): what of a COSE object's header its recipient cannot know.
 */

export interface OscoreHeader {
  /** Of the sender, in network byte order; absent where it is the request's. */
  readonly partialIv?: Uint8Array;
  readonly kidContext?: Uint8Array;
  readonly kid?: Uint8Array;
}

const partialIvBytesMax = 5;

export function encodeOscoreOption({ partialIv, kidContext, kid }: OscoreHeader): Uint8Array {
  const n = partialIv?.length ?? 0;
  const flags = n | (kid === undefined ? 0 : 0x08) | (kidContext === undefined ? 0 : 0x10);
  // §2: where all flags are zero, the value is empty.
  if (flags === 0) return new Uint8Array(0);
  const context = kidContext === undefined ? [] : [kidContext.length, ...kidContext];
  return Uint8Array.from([flags, ...(partialIv ?? []), ...context, ...(kid ?? [])]);
}

/** Undefined where the value is malformed. */
export function decodeOscoreOption(value: Uint8Array): OscoreHeader | undefined {
  // §2: an empty value is one zero byte; a zero byte alone is none.
  if (value.length === 0) return {};
  const flags = value[0] ?? 0;
  const n = flags & 7;
  if (flags === 0 || flags > 0x1f || n > partialIvBytesMax) return undefined;
  let at = 1;
  let isWhole = true;
  const take = (length: number): Uint8Array => {
    const bytes = value.slice(at, at + length);
    isWhole &&= bytes.length === length;
    at += length;
    return bytes;
  };
  const partialIv = n === 0 ? undefined : take(n);
  const kidContext = (flags & 0x10) === 0 ? undefined : take(take(1)[0] ?? 0);
  const kid = (flags & 0x08) === 0 ? undefined : value.slice(at);
  // §6.1: the kid takes the rest; without one, nothing may be left.
  if (!isWhole || (kid === undefined && at !== value.length)) return undefined;
  return {
    ...(partialIv === undefined ? {} : { partialIv }),
    ...(kidContext === undefined ? {} : { kidContext }),
    ...(kid === undefined ? {} : { kid }),
  };
}
