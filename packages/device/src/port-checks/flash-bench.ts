/** Bytes to try flash with, and a look at all of it. */

import { checksum } from '@lapel/transport/frame';
import type { Flash, Region } from '../storage/flash.ts';
import { FlashFault, chipsOf, eraseRegion, erasedByte } from '../storage/flash.ts';
import type { Bench, PortCheck } from './check.ts';
import { check, expect } from './check.ts';

/** A check of flash; whatever else it tries, nothing outside the scratch region may change. */
export const flashCheck = (
  bench: Bench,
  requirement: string,
  name: string,
  act: (flash: Flash, scratch: Region) => void | Promise<void>,
): PortCheck =>
  check('flash', requirement, name, async () => {
    const before = lookAt(bench.board.flash);
    await act(bench.board.flash, bench.scratch);
    expectUntouched(before, bench.board.flash, 'outside the scratch region', bench.scratch);
  });

/** Bytes that are other ones at each address and in each round, so that none can stand in for another. */
export const pattern = (address: number, length: number, round = 0): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => {
    const mixed = Math.imul(address + index + 1, 0x9e3779b1) ^ Math.imul(round + 1, 0x85ebca6b);
    return Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d) >>> 24;
  });

export const ones = (length: number): Uint8Array => new Uint8Array(length).fill(erasedByte);

/** @throws {PortFault} that names the first byte that is another. */
export function expectBytes(flash: Flash, address: number, wanted: Uint8Array, when: string): void {
  const found = flash.read(address, wanted.length);
  expect(found.length === wanted.length, `${wanted.length} bytes from ${address} ${when}`, found.length);
  const at = wanted.findIndex((byte, index) => byte !== found[index]);
  const hex = (byte = 0) => `0x${byte.toString(16).padStart(2, '0')}`;
  expect(at < 0, `${hex(wanted[at])} at ${address + at} ${when}`, hex(found[at]));
}

/** Pages of the scratch region, by their addresses. */
export const pagesOf = ({ address, bytes, pageBytes }: Region): readonly number[] =>
  Array.from({ length: bytes / pageBytes }, (_, index) => address + index * pageBytes);

/** Erases the scratch region. */
export function blank(flash: Flash, scratch: Region): void {
  eraseRegion(flash, scratch);
}

/** Erases the scratch region and programs all of it. */
export function filled(flash: Flash, scratch: Region, round: number): void {
  eraseRegion(flash, scratch);
  flash.program(scratch.address, pattern(scratch.address, scratch.bytes, round));
}

/** A checksum of each page, by its address. */
export type Look = ReadonlyMap<number, number | 'unreadable'>;

export function lookAt(flash: Flash): Look {
  const found = new Map<number, number | 'unreadable'>();
  let address = 0;
  for (const { pageBytes, pages } of chipsOf(flash.geometry)) {
    for (let page = 0; page < pages; page++, address += pageBytes) {
      found.set(address, readable(flash, address, pageBytes));
    }
  }
  return found;
}

function readable(flash: Flash, address: number, bytes: number): number | 'unreadable' {
  try {
    return checksum(flash.read(address, bytes));
  } catch (error) {
    if (error instanceof FlashFault) return 'unreadable';
    throw error;
  }
}

/** @throws {PortFault} that names the first page that is another than before, but those that may be. */
export function expectUntouched(before: Look, flash: Flash, when: string, mayChange?: Region): void {
  const after = lookAt(flash);
  for (const [page, was] of before) {
    const { address = 0, bytes = 0 } = mayChange ?? {};
    const isTouched = after.get(page) !== was && (page < address || page >= address + bytes);
    expect(!isTouched, `the page at ${page} as it was ${when}`, 'another content');
  }
}
