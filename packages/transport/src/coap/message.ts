/**
 * The messages of CoAP (RFC 7252 §3): a header, a token, options, a payload. What comes from outside is read
 * to the letter: a byte that is out of place makes it no message.
 */
import { empty } from './code.ts';
import type { Option } from './option.ts';

/** What travels, whatever carries it: UDP adds type and number, TCP a length, OSCORE hides it whole. */
export interface Content {
  readonly code: number;
  /** In the order of their numbers, as they stand on the wire. */
  readonly options: readonly Option[];
  readonly payload: Uint8Array;
}

export const messageTypes = { confirmable: 0, nonConfirmable: 1, acknowledgement: 2, reset: 3 } as const;

export interface Message extends Content {
  readonly type: number;
  readonly id: number;
  readonly token: Uint8Array;
}

/** No message: dropped, or rejected by its number where that much could be read (§4.2, §4.3). */
export class MessageError extends Error {
  readonly rejected: { readonly type: number; readonly id: number } | undefined;

  constructor(message: string, rejected?: MessageError['rejected']) {
    super(message);
    this.name = 'MessageError';
    this.rejected = rejected;
  }
}

const version = 1;
export const headerBytes = 4;
export const tokenBytesMax = 8;
const payloadMarker = 0xff;
const optionNumberMax = 0xffff;
/** Our longest path and query have a dozen; each option costs an object. */
const optionsMax = 64;

const none = new Uint8Array(0);

/** @throws {MessageError} */
export function decodeMessage(bytes: Uint8Array): Message {
  if (bytes.length < headerBytes) {
    throw new MessageError(`expected a header of ${headerBytes} bytes, found ${bytes.length}`);
  }
  const first = bytes[0] ?? 0;
  // §3: a version that is not known is ignored without a word.
  if (first >>> 6 !== version) throw new MessageError(`expected version ${version}, found ${first >>> 6}`);
  const type = (first >>> 4) & 3;
  const id = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
  const code = bytes[1] ?? 0;
  const tokenLength = first & 0x0f;
  const refuse = (message: string) => new MessageError(message, { type, id });
  // §4.1: an empty message ends behind its number.
  if (code === empty) {
    if (bytes.length === headerBytes && tokenLength === 0) return { type, id, code, ...nothing };
    throw refuse(`expected nothing behind an empty message, found ${bytes.length - headerBytes} bytes`);
  }
  if (tokenLength > tokenBytesMax)
    throw refuse(`expected a token of at most ${tokenBytesMax} bytes, found ${tokenLength}`);
  const start = headerBytes + tokenLength;
  if (start > bytes.length)
    throw refuse(`expected a token of ${tokenLength} bytes, found the end of the message`);
  const token = bytes.subarray(headerBytes, start);
  return { type, id, code, token, ...decodeOptions(bytes, start, refuse) };
}

const nothing = { token: none, options: [], payload: none };

export function encodeMessage({ type, id, code, token, options, payload }: Message): Uint8Array {
  const start = headerBytes + token.length;
  const bytes = new Uint8Array(start + optionsLength(options, payload));
  bytes[0] = (version << 6) | (type << 4) | token.length;
  bytes[1] = code;
  bytes[2] = id >>> 8;
  bytes[3] = id & 0xff;
  bytes.set(token, headerBytes);
  encodeOptions(bytes, start, options, payload);
  return bytes;
}

/**
 * §3.1: each option says how far its number is from the one before. Also what OSCORE finds inside (RFC 8613
 * §5.3) and TCP behind its token.
 * @throws what `refuse` makes of the reason
 */
export function decodeOptions(
  bytes: Uint8Array,
  start: number,
  refuse: (message: string) => Error,
): Pick<Content, 'options' | 'payload'> {
  const options: Option[] = [];
  let at = start;
  let number = 0;
  while (at < bytes.length) {
    const head = bytes[at++] ?? 0;
    if (head === payloadMarker) {
      if (at === bytes.length) throw refuse('expected a payload behind its marker, found none');
      return { options, payload: bytes.subarray(at) };
    }
    if (options.length === optionsMax) throw refuse(`expected at most ${optionsMax} options, found more`);
    let delta = head >>> 4;
    if (delta === 13) delta = 13 + (bytes[at++] ?? NaN);
    else if (delta === 14) delta = 269 + ((bytes[at++] ?? NaN) * 256 + (bytes[at++] ?? NaN));
    else if (delta === 15) throw refuse('expected the number of an option, found the reserved 15');
    let length = head & 0x0f;
    if (length === 13) length = 13 + (bytes[at++] ?? NaN);
    else if (length === 14) length = 269 + ((bytes[at++] ?? NaN) * 256 + (bytes[at++] ?? NaN));
    else if (length === 15) throw refuse('expected the length of an option, found the reserved 15');
    number += delta;
    const end = at + length;
    // What lies behind the last byte counts as NaN, and no comparison holds for that.
    if (!(end <= bytes.length && number <= optionNumberMax)) {
      throw refuse('expected an option within the message, found its end outside');
    }
    options.push({ number, value: bytes.subarray(at, end) });
    at = end;
  }
  return { options, payload: none };
}

/** The bytes of options and payload together. */
export function optionsLength(options: readonly Option[], payload: Uint8Array): number {
  let length = payload.length === 0 ? 0 : 1 + payload.length;
  let before = 0;
  for (const { number, value } of options) {
    length += 1 + extraBytes(number - before) + extraBytes(value.length) + value.length;
    before = number;
  }
  return length;
}

/** @param into is long enough: `optionsLength` says for what. */
export function encodeOptions(
  into: Uint8Array,
  start: number,
  options: readonly Option[],
  payload: Uint8Array,
): void {
  let at = start;
  let before = 0;
  const extend = (value: number): void => {
    if (value < 13) return;
    if (value < 269) into[at++] = value - 13;
    else {
      into[at++] = (value - 269) >>> 8;
      into[at++] = (value - 269) & 0xff;
    }
  };
  for (const { number, value } of options) {
    if (number < before) throw new RangeError(`expected options in order, found ${number} behind ${before}`);
    into[at++] = (nibble(number - before) << 4) | nibble(value.length);
    extend(number - before);
    extend(value.length);
    into.set(value, at);
    at += value.length;
    before = number;
  }
  if (payload.length === 0) return;
  into[at] = payloadMarker;
  into.set(payload, at + 1);
}

const nibble = (value: number): number => (value < 13 ? value : value < 269 ? 13 : 14);
const extraBytes = (value: number): number => (value < 13 ? 0 : value < 269 ? 1 : 2);

/** As they must stand on the wire; those of one number keep their order. */
export const inOrder = (options: readonly Option[]): readonly Option[] =>
  options.toSorted((a, b) => a.number - b.number);
