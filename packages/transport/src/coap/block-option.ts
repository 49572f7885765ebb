/** The Block1 and Block2 options (RFC 7959 §2.2): which block of how many bytes, and whether more follow. */
import type { Option, OptionName } from './option.ts';
import { uint, uintOption } from './option.ts';

export interface Block {
  readonly number: number;
  readonly more: boolean;
  /** SZX: a block has 2^(szx + 4) bytes. */
  readonly szx: number;
}

/** 1024 bytes; a datagram with options then stays within 1280, the MTU of IPv6 (RFC 7252 §4.6). */
export const szxMax = 6;
/**
 * §2.2: a message with 7 there is a bad request. On a stream where both sides have said so it is BERT (RFC
 * 8323 §6): as many blocks of 1024 bytes in one message as it has room for.
 */
export const szxBert = 7;
/** The option has three bytes, four bits of which are not the number. */
export const blockNumberMax = 2 ** 20 - 1;

export const blockBytes = (szx: number): number => 2 ** (Math.min(szx, szxMax) + 4);

/** Whether so many bytes may stand in a message; only the last block of a body may be shorter (§2.3). */
export function isItsSize({ more, szx }: Block, bytes: number, bertBytes = 0): boolean {
  if (szx === szxBert) return bytes <= bertBytes && (!more || (bytes > 0 && bytes % blockBytes(szx) === 0));
  return more ? bytes === blockBytes(szx) : bytes <= blockBytes(szx);
}

/** Undefined where there is none; `malformed` where its size is the reserved one, and there is no BERT. */
export function readBlock(
  options: readonly Option[],
  name: 'block1' | 'block2',
  isBert = false,
): Block | 'malformed' | undefined {
  const value = uintOption(options, name);
  if (value === undefined) return undefined;
  const szx = value & 7;
  if (szx === szxBert && !isBert) return 'malformed';
  return { number: value >>> 4, more: (value & 8) !== 0, szx };
}

export const blockOption = (name: OptionName & `block${1 | 2}`, { number, more, szx }: Block): Option =>
  uint(name, number * 16 + (more ? 8 : 0) + szx);

/** Where the block begins. */
export const offsetOf = ({ number, szx }: Pick<Block, 'number' | 'szx'>): number => number * blockBytes(szx);

/** The largest size whose blocks fit. */
export function szxWithin(bytes: number): number {
  let szx = szxMax;
  while (szx > 0 && blockBytes(szx) > bytes) szx--;
  return szx;
}
