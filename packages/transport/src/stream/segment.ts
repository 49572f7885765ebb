/**
 * Segments: what two ends of a narrow link say to each other, one in each chunk. Everything but a greeting
 * is addressed to the number that its receiver has drawn for this session, so what is left over from
 * another one belongs to nobody.
 *
 *     greeting   1 | 0       from u8  to u8  first u16  window u8
 *     data       2 | poll    to u8    number u16        bytes
 *     state      3 | poll    to u8    next u16          bits of what is there from `next` on
 *
 * The first byte holds the kind in its upper half and the number of a poll in its lower one: a poll is
 * answered with the state of the receiver, under the same number; 0 is none.
 */

/** Numbers of segments run in a circle. */
const circle = 0x1_0000;
/** The bits of a state hold so many. */
export const windowMax = 32;
export const pollMax = 15;

export type Segment =
  | {
      readonly kind: 'greeting';
      readonly from: number;
      /** 0 while the other side's number is not known. */
      readonly to: number;
      /** Under what number its first data come. */
      readonly first: number;
      /** Segments that it takes before it has acknowledged one. */
      readonly window: number;
    }
  | {
      readonly kind: 'data';
      readonly poll: number;
      readonly to: number;
      readonly number: number;
      readonly bytes: Uint8Array;
    }
  | {
      readonly kind: 'state';
      readonly poll: number;
      readonly to: number;
      /** What the reader wants next; it may be there already, and not be read yet. */
      readonly next: number;
      /** Bit i: the segment `next + i` is there. */
      readonly there: number;
    };

/** Of a data segment, in front of its bytes. */
export const dataHeadBytes = 4;
/** A link whose chunks are smaller carries nothing. */
export const chunkBytesMin = 9;

const kinds = { greeting: 1, data: 2, state: 3 } as const;

export function encodeSegment(segment: Segment): Uint8Array {
  if (segment.kind === 'greeting') {
    const { from, to, first, window } = segment;
    return Uint8Array.of(kinds.greeting << 4, from, to, first >>> 8, first & 0xff, window);
  }
  const head = (kinds[segment.kind] << 4) | segment.poll;
  if (segment.kind === 'data') {
    const { to, number, bytes } = segment;
    const chunk = new Uint8Array(dataHeadBytes + bytes.length);
    chunk.set([head, to, number >>> 8, number & 0xff]);
    chunk.set(bytes, dataHeadBytes);
    return chunk;
  }
  const { to, next, there } = segment;
  const bits = [24, 16, 8, 0].map((shift) => (there >>> shift) & 0xff);
  const firstSet = bits.findIndex((byte) => byte !== 0);
  return Uint8Array.of(head, to, next >>> 8, next & 0xff, ...(firstSet < 0 ? [] : bits.slice(firstSet)));
}

/** Undefined for what nobody here would have sent. */
export function decodeSegment(chunk: Uint8Array): Segment | undefined {
  const [head = 0, to = 0, high = 0, low = 0] = chunk;
  const [kind, poll] = [head >>> 4, head & 0x0f];
  if (kind === kinds.greeting) return poll === 0 ? greetingIn(chunk) : undefined;
  if (to === 0) return undefined;
  if (kind === kinds.data && chunk.length > dataHeadBytes)
    return { kind: 'data', poll, to, number: (high << 8) | low, bytes: chunk.slice(dataHeadBytes) };
  if (kind !== kinds.state || chunk.length < 4 || chunk.length > 8) return undefined;
  const there = chunk.subarray(4).reduce((bits, byte) => ((bits << 8) | byte) >>> 0, 0);
  return { kind: 'state', poll, to, next: (high << 8) | low, there };
}

function greetingIn(chunk: Uint8Array): Segment | undefined {
  const [, from = 0, to = 0, high = 0, low = 0, window = 0] = chunk;
  if (chunk.length !== 6 || from === 0 || window === 0 || window > windowMax) return undefined;
  return { kind: 'greeting', from, to, first: (high << 8) | low, window };
}

export const after = (number: number, steps: number): number => (number + steps) & (circle - 1);

/** Steps from one number to another, the way that numbers rise. */
export const stepsTo = (from: number, to: number): number => (to - from) & (circle - 1);
