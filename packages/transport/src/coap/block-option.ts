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
 * §2.2: a message with 7 there is a bad request. Over TCP it would be BERT (RFC 8323 §6), not spoken here.
 */
const szxReserved = 7;
/** The option has three bytes, four bits of which are not the number. */
export const blockNumberMax = 2 ** 20 - 1;

export const blockBytes = (szx: number): number => 2 ** (szx + 4);

/** Undefined where there is none; `malformed` where its size is the reserved one. */
export function readBlock(
  options: readonly Option[],
  name: 'block1' | 'block2',
): Block | 'malformed' | undefined {
  const value = uintOption(options, name);
  if (value === undefined) return undefined;
  const szx = value & 7;
  if (szx === szxReserved) return 'malformed';
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
