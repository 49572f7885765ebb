/**
 * NOR flash with the production interface and the habits of the real thing: erasing sets a page to ones,
 * programming only clears bits, a granule is programmed once between erases, even one that a cut tore. The
 * power can go before or in the middle of any operation, reads can fail, and some of it may be protected.
 */

import type { Flash, FlashGeometry } from '@lapel/device';
import { erasedByte } from '@lapel/device';
import type { BadGranule, Carried } from './flash-condition.ts';
import { carry, conditionOf, markDamage, markErase, markProgram, seen } from './flash-condition.ts';
import type { Span } from './flash-space.ts';
import { FlashMisuse, addressSpace } from './flash-space.ts';
import type { Remains, Torn } from './flash-tear.ts';
import { eraseRemains, programRemains } from './flash-tear.ts';
import type { SeededRandom } from './random.ts';

export type { BadGranule, Carried } from './flash-condition.ts';
export { FlashMisuse } from './flash-space.ts';
export type { Torn } from './flash-tear.ts';

/** The power went. What the flash holds is what had been done until then. */
export class PowerCut extends Error {
  override readonly name = 'PowerCut';
}

export interface Cut {
  /** Which operation, program or erase, counted from 0. */
  readonly operation: number;
  /** How. In short: `false` for a cut before it, chance for one that leaves some of the bits done. */
  readonly torn: false | SeededRandom | Torn;
}

export interface NorFlashOptions {
  readonly geometry: FlashGeometry;
  /** What it holds; ones throughout where absent. */
  readonly content?: Uint8Array;
  /** What else the same chip was in its last life; it is new where absent. */
  readonly carried?: Carried;
  readonly cut?: Cut;
  /** Granules that cannot be read, each by any address in it. */
  readonly readFaults?: readonly Pick<BadGranule, 'address' | 'until'>[];
  /** What the hardware lets nobody program or erase. */
  readonly protectedRegions?: readonly Span[];
  /** Told after each change, for flash that is kept in a file. */
  readonly onChange?: (address: number, bytes: Uint8Array) => void;
}

export interface NorFlash extends Flash {
  /** A copy of all bytes; of bits that waver, one way to read them. */
  dump(): Uint8Array;
  /** What no copy of the bytes tells: with it the same chip has another life. */
  carried(): Carried;
  /** Programs and erases of this life. */
  readonly operations: number;
  /** How often the page that an address lies in was erased in all lives; torn erases count. */
  erasesOf(address: number): number;
  /** In all lives; granules that a cut tore count. */
  readonly bytesProgrammed: number;
}

export function norFlash(options: NorFlashOptions): NorFlash {
  const { geometry, content, carried, cut, readFaults = [], protectedRegions = [], onChange } = options;
  const space = addressSpace(geometry, protectedRegions);
  const size = space.bytes;
  const cells = content?.slice() ?? new Uint8Array(size).fill(erasedByte);
  if (cells.length !== size) throw new RangeError(`expected ${size} bytes of flash, found ${cells.length}`);
  const condition = conditionOf(size, carried);
  const bad = readFaults.map(({ address, until }) => ({ ...space.unitAt(address, 'granuleBytes'), until }));
  condition.bad = [...condition.bad, ...bad];
  let operations = 0;
  let powered = true;

  /** Does all of an operation, or as much of it as the cut allows. */
  const operate = (
    address: number,
    remainsOf: (torn?: Torn) => Remains,
    mark: (remains: Remains) => void,
  ) => {
    if (!powered) throw new PowerCut('the power is off');
    const isCut = operations++ === cut?.operation;
    const remains = isCut ? remainsOf(tornOf(cut)) : remainsOf();
    powered = !isCut;
    mark(remains);
    markDamage(condition, address, remains, space.unitAt(address, 'granuleBytes').bytes);
    if (remains.begun > 0) {
      cells.set(remains.bytes, address);
      onChange?.(address, remains.bytes);
    }
    if (isCut) throw new PowerCut(`at operation ${cut.operation}`);
  };

  return {
    geometry,
    get operations() {
      return operations;
    },
    get bytesProgrammed() {
      return condition.bytesProgrammed;
    },
    erasesOf: (address) => condition.erases.get(space.unitAt(address, 'pageBytes').address) ?? 0,
    dump: () => cells.slice(),
    carried: () => carry(condition),
    read(address, length) {
      if (!powered) throw new PowerCut('the power is off');
      space.requireInside(address, length);
      return seen(condition, address, cells.slice(address, address + length));
    },
    program(address, bytes) {
      const { granuleBytes } = space.requireWritable(address, bytes.length, 'granuleBytes');
      const end = address + bytes.length;
      const isErased = cells.subarray(address, end).every((byte) => byte === erasedByte);
      if (!isErased || condition.programmed.subarray(address, end).some((mark) => mark !== 0)) {
        throw new FlashMisuse(`expected erased granules at ${address}, found programmed ones`);
      }
      operate(
        address,
        (torn) => programRemains(bytes, granuleBytes, torn),
        (remains) => markProgram(condition, address, remains),
      );
    },
    erase(address) {
      const page = space.unitAt(address, 'pageBytes');
      const { granuleBytes } = space.requireWritable(address, page.bytes, 'pageBytes');
      operate(
        address,
        (torn) => eraseRemains(cells.slice(address, address + page.bytes), granuleBytes, torn),
        (remains) => markErase(condition, page, remains),
      );
    },
  };
}

function tornOf({ torn }: Cut): Torn {
  if (torn === false) return { kind: 'before' };
  return 'kind' in torn ? torn : { kind: 'bits', seed: torn.seed };
}
