/** Flash as a port gives it: what is erased, programmed and read. */

import type { Flash, Region } from '../storage/flash.ts';
import { chipsOf, flashBytes } from '../storage/flash.ts';
import type { Bench, PortCheck } from './check.ts';
import { check, expect, powerCycle } from './check.ts';
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

export function flashChecks(bench: Bench): readonly PortCheck[] {
  const flash = (requirement: string, name: string, act: (flash: Flash, scratch: Region) => void) =>
    flashCheck(bench, requirement, name, act);
  const afterPowerCycle = 'what was programmed or erased is so after a power cycle';
  return [
    flash('S0-26', 'the chips of the geometry add up, and can be read to their last byte', addsUp),
    flash('S4-41', 'an erase sets every bit of its page to one', erases),
    flash('S4-41', 'an erase changes no other page', erasesOnePage),
    flash('S0-26', 'what is programmed is read, in whole pages and in granules', programs),
    flash('S0-26', 'every bit can be cleared, and none is that was not to be', clearsEachBit),
    flash('S4-41', 'granules are programmed one by one, in any order, and harm no neighbour', programsAlone),
    flash('S4-41', 'a program changes no page beside its own', programsOnePlace),
    flash('S0-26', 'a read begins anywhere, has any length, and may cross pages', readsAnywhere),
    flash('S0-26', 'a read is a copy, and so is what is programmed', copies),
    bench.reopen === undefined
      ? check('flash', 'S4-41', afterPowerCycle, undefined)
      : flashCheck(bench, 'S4-41', afterPowerCycle, () => survives(bench)),
  ];
}

function addsUp(flash: Flash, scratch: Region): void {
  const chips = chipsOf(flash.geometry);
  expect(chips.length > 0, 'at least one chip', 'none');
  let address = 0;
  for (const { pageBytes, granuleBytes, pages } of chips) {
    const areWhole = [pageBytes, granuleBytes, pages].every((each) => Number.isSafeInteger(each) && each > 0);
    expect(areWhole, 'sizes in whole numbers above 0', `${pages} pages, ${pageBytes}, ${granuleBytes} bytes`);
    expect(pageBytes % granuleBytes === 0, `pages of whole granules of ${granuleBytes} bytes`, pageBytes);
    const end = address + pages * pageBytes;
    for (const at of [address, end - pageBytes, end - 1]) {
      const { length } = flash.read(at, 1);
      expect(length === 1, `one byte at ${at}, inside a chip that ends at ${end}`, length);
    }
    address = end;
  }
  const isInside = scratch.address + scratch.bytes <= flashBytes(flash.geometry);
  expect(isInside, `a scratch region inside ${address} bytes`, `${scratch.bytes} at ${scratch.address}`);
}

function erases(flash: Flash, scratch: Region): void {
  for (const round of [1, 2]) {
    filled(flash, scratch, round);
    for (const page of pagesOf(scratch)) {
      flash.erase(page);
      expectBytes(flash, page, ones(scratch.pageBytes), 'after its erase');
    }
  }
}

function erasesOnePage(flash: Flash, scratch: Region): void {
  const { pageBytes } = scratch;
  for (const page of pagesOf(scratch)) {
    filled(flash, scratch, 3);
    const before = lookAt(flash);
    flash.erase(page);
    expectUntouched(before, flash, `after an erase of that at ${page}`, {
      ...scratch,
      address: page,
      bytes: pageBytes,
    });
  }
}

function programs(flash: Flash, scratch: Region): void {
  const { address, bytes, granuleBytes } = scratch;
  filled(flash, scratch, 4);
  expectBytes(flash, address, pattern(address, bytes, 4), 'after one program over all pages');
  blank(flash, scratch);
  for (let at = address; at < address + bytes; at += granuleBytes) {
    flash.program(at, pattern(at, granuleBytes, 5));
  }
  expectBytes(flash, address, pattern(address, bytes, 5), 'after a program of each granule');
}

function clearsEachBit(flash: Flash, scratch: Region): void {
  const { address, pageBytes } = scratch;
  for (const byte of [0x00, 0x55, 0xaa]) {
    blank(flash, scratch);
    const wanted = new Uint8Array(pageBytes).fill(byte);
    flash.program(address, wanted);
    expectBytes(flash, address, wanted, 'after a page of it was programmed');
  }
}

function programsAlone(flash: Flash, scratch: Region): void {
  const { address, granuleBytes, pageBytes } = scratch;
  blank(flash, scratch);
  const granules = Array.from(
    { length: pageBytes / granuleBytes },
    (_, index) => address + index * granuleBytes,
  );
  const wanted = ones(pageBytes);
  // Every other one first, then those between: a granule that is larger than it is said to be shows.
  for (const odd of [0, 1]) {
    for (const at of granules.filter((_, index) => index % 2 === odd)) {
      flash.program(at, pattern(at, granuleBytes, 6));
      wanted.set(pattern(at, granuleBytes, 6), at - address);
    }
    expectBytes(flash, address, wanted, odd === 0 ? 'after every other granule' : 'after those between');
  }
}

function programsOnePlace(flash: Flash, scratch: Region): void {
  const { granuleBytes, pageBytes } = scratch;
  blank(flash, scratch);
  for (const page of pagesOf(scratch)) {
    const before = lookAt(flash);
    flash.program(page + pageBytes - granuleBytes, new Uint8Array(granuleBytes));
    expectUntouched(before, flash, `after a program in that at ${page}`, {
      ...scratch,
      address: page,
      bytes: pageBytes,
    });
  }
}

function readsAnywhere(flash: Flash, scratch: Region): void {
  const { address, bytes, pageBytes, granuleBytes } = scratch;
  filled(flash, scratch, 7);
  const all = pattern(address, bytes, 7);
  for (const offset of [0, 1, 2, 3, granuleBytes - 1, pageBytes - 1, pageBytes - granuleBytes + 1]) {
    for (const length of [0, 1, 2, 3, 5, granuleBytes + 1, pageBytes]) {
      expectBytes(flash, address + offset, all.subarray(offset, offset + length), `in a read of ${length}`);
    }
  }
}

function copies(flash: Flash, scratch: Region): void {
  const { address, granuleBytes } = scratch;
  blank(flash, scratch);
  const given = pattern(address, granuleBytes, 8);
  flash.program(address, given);
  given.fill(0);
  expectBytes(flash, address, pattern(address, granuleBytes, 8), 'after the bytes given were changed');
  const first = flash.read(address, granuleBytes);
  first.fill(0);
  expectBytes(flash, address, pattern(address, granuleBytes, 8), 'after the bytes of a read were changed');
  const kept = flash.read(address, granuleBytes);
  flash.erase(address);
  flash.read(address, granuleBytes);
  const isSame = kept.every((byte, index) => byte === pattern(address, granuleBytes, 8)[index]);
  expect(isSame, 'the bytes of a read as they were when they were read', 'others, after an erase');
}

async function survives(bench: Bench): Promise<void> {
  const { address, bytes, pageBytes } = bench.scratch;
  filled(bench.board.flash, bench.scratch, 9);
  bench.board.flash.erase(address);
  const { flash } = await powerCycle(bench);
  expectBytes(flash, address, ones(pageBytes), 'after a power cycle');
  const others = pattern(address + pageBytes, bytes - pageBytes, 9);
  expectBytes(flash, address + pageBytes, others, 'after a power cycle');
}
