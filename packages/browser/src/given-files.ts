/** Files as a person drops them, each told by its content: envelopes, what is trusted, devices, payloads. */

import { pemBlocks } from './pem.ts';

export interface GivenFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export type GivenKind = 'envelope' | 'trust' | 'device' | 'payload';

/** SUIT_Envelope_Tagged (manifest §8.2): tag 107. An untagged one, its name tells. */
const envelopeHead = [0xd8, 0x6b] as const;
/** Keys and devices are short. */
const textBytesMax = 64 * 1024;

export function kindOf({ name, bytes }: GivenFile): GivenKind {
  if (envelopeHead.every((byte, at) => bytes[at] === byte) || name.endsWith('.suit')) return 'envelope';
  const text = textOf(bytes)?.trim() ?? '';
  if (pemBlocks(text).length > 0) return 'trust';
  if (/\.(hex|b64|key|pem)$/.test(name) && /^[A-Za-z0-9+/\s]+={0,2}$/.test(text)) return 'trust';
  return name.endsWith('.json') && text.startsWith('{') ? 'device' : 'payload';
}

/** Undefined where the bytes are no text of that size. */
export function textOf(bytes: Uint8Array): string | undefined {
  if (bytes.length > textBytesMax) return undefined;
  const text = new TextDecoder().decode(bytes);
  return text.includes('\ufffd') ? undefined : text;
}

/** Each key of a text that may hold several. */
export function keysIn(text: string): readonly string[] {
  const blocks = pemBlocks(text);
  if (blocks.length > 0) return blocks;
  return text.trim() === '' ? [] : [text.trim()];
}
