/**
 * Frames on a line that carries bytes and loses some: a serial port, or the chunks of a narrow radio. Pure
 * and synchronous, so that the bootloader may use it; it imports nothing but its checksum.
 *
 * On the line a frame is `0x00, COBS(payload, crc u32), 0x00`. Consistent overhead byte stuffing leaves no
 * zero inside, so a reader that has lost its place finds it again at the next zero; the zero in front cuts
 * off whatever noise came before. A frame that was changed on the way is dropped: whoever sent it sends it
 * again when no answer comes. The checksum finds accidents; what a payload is worth, its signature says.
 */

import { checksum } from './checksum.ts';

export { checksum } from './checksum.ts';

const checksumBytes = 4;
const delimiter = 0;
/** A block of COBS: its code, and up to 254 bytes that are not zero. */
const codeMax = 255;

/** @throws {RangeError} where the payload is empty: nothing is not worth a frame. */
export function encodeFrame(payload: Uint8Array): Uint8Array {
  if (payload.length === 0) throw new RangeError('expected a payload of one byte or more, found none');
  const content = new Uint8Array(payload.length + checksumBytes);
  content.set(payload);
  new DataView(content.buffer).setUint32(payload.length, checksum(payload));

  const blocks = 1 + Math.ceil(content.length / (codeMax - 1));
  const line = new Uint8Array(content.length + blocks + 2);
  let [codeAt, at] = [1, 2];
  for (const byte of content) {
    if (at - codeAt === codeMax) {
      line[codeAt] = codeMax;
      codeAt = at++;
    }
    if (byte !== delimiter) line[at++] = byte;
    else {
      line[codeAt] = at - codeAt;
      codeAt = at++;
    }
  }
  line[codeAt] = at - codeAt;
  return line.subarray(0, at + 1);
}

export interface FrameReader {
  /** The payloads that these bytes complete, each a copy, in their order. Never throws. */
  push(bytes: Uint8Array): readonly Uint8Array[];
}

/** @param payloadBytesMax of a frame; a longer one is dropped, and costs no more memory than this. */
export function frameReader(payloadBytesMax: number): FrameReader {
  const content = new Uint8Array(payloadBytesMax + checksumBytes);
  let length = 0;
  /** Bytes that the block still has to bring; a code is due when there are none. */
  let left = 0;
  /** Whether a zero stood behind the block, unless the frame ends there. */
  let owesZero = false;
  let isLost = false;

  const put = (byte: number): void => {
    if (length === content.length) isLost = true;
    else content[length++] = byte;
  };
  const take = (byte: number): void => {
    if (left > 0) {
      left--;
      return put(byte);
    }
    if (owesZero) put(delimiter);
    left = byte - 1;
    owesZero = byte < codeMax;
  };
  const end = (): Uint8Array | undefined => {
    const whole = isLost || left > 0 ? undefined : sound(content.slice(0, length));
    [length, left, owesZero, isLost] = [0, 0, false, false];
    return whole;
  };

  return {
    push(bytes) {
      const payloads: Uint8Array[] = [];
      for (const byte of bytes) {
        if (byte !== delimiter) {
          take(byte);
          continue;
        }
        const payload = end();
        if (payload !== undefined) payloads.push(payload);
      }
      return payloads;
    },
  };
}

/** The payload, if the checksum behind it holds. */
function sound(content: Uint8Array): Uint8Array | undefined {
  const payloadBytes = content.length - checksumBytes;
  if (payloadBytes <= 0) return undefined;
  const payload = content.subarray(0, payloadBytes);
  return new DataView(content.buffer).getUint32(payloadBytes) === checksum(payload) ? payload : undefined;
}
