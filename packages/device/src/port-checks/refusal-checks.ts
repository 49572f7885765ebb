/** What flash must refuse, and that a refusal changes nothing. */

import type { Flash, Region } from '../storage/flash.ts';
import { FlashFault, flashBytes } from '../storage/flash.ts';
import type { Bench, PortCheck } from './check.ts';
import { check, expect, refusal } from './check.ts';
import {
  blank,
  expectBytes,
  expectUntouched,
  filled,
  flashCheck,
  lookAt,
  ones,
  pagesOf,
  pattern,
} from './flash-bench.ts';

export function refusalChecks(bench: Bench): readonly PortCheck[] {
  const { protectedRegion } = bench;
  const flash = (requirement: string, name: string, act: (flash: Flash, scratch: Region) => void) =>
    flashCheck(bench, requirement, name, act);
  return [
    flash('S0-26', 'a read that is not all inside is refused', refusesReads),
    flash('S0-26', 'a program that is not whole granules, or not all inside, is refused', refusesPrograms),
    flash('S0-26', 'an erase that is not of a page, or outside, is refused', refusesErases),
    flash('S4-41', 'a granule that is programmed keeps what it holds until its page is erased', programsOnce),
    check(
      'flash',
      'S4-47',
      'what the hardware protects is neither programmed nor erased',
      protectedRegion === undefined ? undefined : () => protects(bench.board.flash, protectedRegion),
    ),
  ];
}

/** An act that has to be refused, and by what it is wrong. */
type Wrong = readonly [where: string, act: () => unknown];

function refuseAll(flash: Flash, wrongs: readonly Wrong[]): void {
  const before = lookAt(flash);
  for (const [where, act] of wrongs) {
    const error = refusal(where, act);
    expect(!(error instanceof FlashFault), `a refusal that is no FlashFault where ${where}`, error.message);
    expectUntouched(before, flash, `where ${where}`);
  }
}

function refusesReads(flash: Flash): void {
  const end = flashBytes(flash.geometry);
  refuseAll(flash, [
    ['a read ends behind the last byte', () => flash.read(end - 1, 2)],
    ['a read begins behind the last byte', () => flash.read(end, 1)],
    ['a read begins before the first byte', () => flash.read(-1, 2)],
    ['a length is below 0', () => flash.read(1, -1)],
    ['an address is no whole number', () => flash.read(0.5, 1)],
    ['an address is no number', () => flash.read(Number.NaN, 1)],
  ]);
}

function refusesPrograms(flash: Flash, scratch: Region): void {
  const { address, granuleBytes } = scratch;
  const end = flashBytes(flash.geometry);
  blank(flash, scratch);
  const some = (length: number) => pattern(address, length, 10);
  // A granule of one byte is aligned everywhere.
  const crooked: readonly Wrong[] = [
    ['a program begins inside a granule', () => flash.program(address + 1, some(granuleBytes))],
    ['a program ends inside a granule', () => flash.program(address, some(2 * granuleBytes - 1))],
  ];
  // Ones, so that a port that wraps to address 0 does not clear a bit of the loader.
  refuseAll(flash, [
    ...(granuleBytes > 1 ? crooked : []),
    ['a program begins behind the last byte', () => flash.program(end, ones(granuleBytes))],
    ['a program ends behind the last byte', () => flash.program(end - granuleBytes, ones(2 * granuleBytes))],
    ['a program begins before the first byte', () => flash.program(-granuleBytes, ones(granuleBytes))],
    ['an address is no number', () => flash.program(Number.NaN, ones(granuleBytes))],
  ]);
}

function refusesErases(flash: Flash, scratch: Region): void {
  const { address, granuleBytes, pageBytes } = scratch;
  const end = flashBytes(flash.geometry);
  filled(flash, scratch, 11);
  const inside = [1, granuleBytes, pageBytes - granuleBytes].filter((at) => at > 0 && at < pageBytes);
  refuseAll(flash, [
    ...inside.map((at): Wrong => [
      `an erase begins ${at} bytes inside a page`,
      () => flash.erase(address + at),
    ]),
    ['an erase is behind the last byte', () => flash.erase(end)],
    ['an erase is before the first byte', () => flash.erase(-pageBytes)],
    ['an address is no number', () => flash.erase(Number.NaN)],
  ]);
}

/** Refused, or without effect; what must not be is the mixture of both that plain NOR flash would hold. */
function programsOnce(flash: Flash, scratch: Region): void {
  const { address, granuleBytes } = scratch;
  blank(flash, scratch);
  const first = pattern(address, granuleBytes, 12);
  flash.program(address, first);
  for (const second of [pattern(address, granuleBytes, 13), new Uint8Array(granuleBytes)]) {
    try {
      flash.program(address, second);
    } catch (error) {
      expect(error instanceof Error, 'an Error where a granule is programmed again', error);
    }
    expectBytes(flash, address, first, 'after it was programmed again');
  }
  // The one behind it was erased: a program over both may do neither, or only its second part.
  try {
    flash.program(address, new Uint8Array(2 * granuleBytes));
  } catch (error) {
    expect(error instanceof Error, 'an Error where one of two granules is programmed', error);
  }
  expectBytes(flash, address, first, 'after it was programmed again with the next one');
}

/** The last page of it is tried, and lost where it is not protected. */
function protects(flash: Flash, region: Region): void {
  const page = pagesOf(region).at(-1) ?? region.address;
  refuseAll(flash, [
    ['the hardware protects what is erased', () => flash.erase(page)],
    ['the hardware protects what is programmed', () => flash.program(page, ones(region.granuleBytes))],
  ]);
}
