/**
 * Messages of CoAP on a reliable stream (RFC 8323 §3.2): a length in front, no type and no number. The stream
 * itself sees to it that each arrives once.
 */
import { joined } from '@lapel/cose';
import type { Content } from './message.ts';
import { MessageError, decodeOptions, encodeOptions, optionsLength, tokenBytesMax } from './message.ts';

export interface StreamMessage extends Content {
  readonly token: Uint8Array;
}

/** §3.2: from these lengths on, one, two or four more bytes say it. */
const [oneByteFrom, twoBytesFrom, fourBytesFrom] = [13, 269, 65_805];

export function encodeStreamMessage({ code, token, options, payload }: StreamMessage): Uint8Array {
  const length = optionsLength(options, payload);
  const [nibble, extended] =
    length < oneByteFrom
      ? [length, []]
      : length < twoBytesFrom
        ? [13, [length - oneByteFrom]]
        : length < fourBytesFrom
          ? [14, [(length - twoBytesFrom) >>> 8, (length - twoBytesFrom) & 0xff]]
          : [15, fourBytes(length - fourBytesFrom)];
  const head = [(nibble << 4) | token.length, ...extended, code];
  const start = head.length + token.length;
  const bytes = new Uint8Array(start + length);
  bytes.set(head);
  bytes.set(token, head.length);
  encodeOptions(bytes, start, options, payload);
  return bytes;
}

const fourBytes = (value: number) => [24, 16, 8, 0].map((bits) => (value >>> bits) & 0xff);

export interface StreamReader {
  /** The messages that these bytes complete. @throws {MessageError} where no further message can be found */
  push(bytes: Uint8Array): readonly StreamMessage[];
}

/** @param bytesMax of a message; of a longer one nothing is kept but its head */
export function streamReader(bytesMax: number): StreamReader {
  let left: Uint8Array = new Uint8Array(0);
  return {
    push(bytes) {
      left = left.length === 0 ? bytes : joined(left, bytes);
      const messages: StreamMessage[] = [];
      for (;;) {
        const frame = frameOf(left, bytesMax);
        if (frame === undefined || left.length < frame.end) break;
        messages.push(messageIn(left, frame));
        left = left.subarray(frame.end);
      }
      // What is left is copied, or the whole chunk that it came in would stay.
      left = left.slice();
      return messages;
    },
  };
}

interface Frame {
  readonly codeAt: number;
  readonly tokenBytes: number;
  readonly end: number;
}

/** Undefined while the head is not whole. */
function frameOf(bytes: Uint8Array, bytesMax: number): Frame | undefined {
  const first = bytes[0];
  if (first === undefined) return undefined;
  const nibble = first >>> 4;
  const extraBytes = nibble < 13 ? 0 : nibble === 13 ? 1 : nibble === 14 ? 2 : 4;
  const codeAt = 1 + extraBytes;
  if (bytes.length <= codeAt) return undefined;
  const extra = bytes.subarray(1, codeAt).reduce((value, byte) => value * 256 + byte, 0);
  const from = [nibble, oneByteFrom, twoBytesFrom, 0, fourBytesFrom][extraBytes] ?? 0;
  const tokenBytes = first & 0x0f;
  if (tokenBytes > tokenBytesMax)
    throw new MessageError(`expected a token of at most ${tokenBytesMax} bytes, found ${tokenBytes}`);
  const end = codeAt + 1 + tokenBytes + from + extra;
  if (end > bytesMax) throw new MessageError(`expected a message of at most ${bytesMax} bytes, found ${end}`);
  return { codeAt, tokenBytes, end };
}

function messageIn(bytes: Uint8Array, { codeAt, tokenBytes, end }: Frame): StreamMessage {
  const start = codeAt + 1 + tokenBytes;
  const token = bytes.slice(codeAt + 1, start);
  const refuse = (reason: string) => new MessageError(reason);
  return { code: bytes[codeAt] ?? 0, token, ...decodeOptions(bytes.slice(0, end), start, refuse) };
}
