/**
 * NOR flash with the production interface and the habits of the real thing: erasing sets a page to ones,
 * programming only clears bits, a granule is programmed once between erases. The power can go before or in
 * the middle of any operation.
 */

import type { Chip, Flash, FlashGeometry } from '@lapel/device';
import { chipsOf, erasedByte, flashBytes } from '@lapel/device';
import type { SeededRandom } from './random.ts';

/** The power went. What the flash holds is what had been done until then. */
export class PowerCut extends Error {
  override readonly name = 'PowerCut';
}

/** The device broke a rule of its flash: always a bug of the device. */
export class FlashMisuse extends Error {
  override readonly name = 'FlashMisuse';
}

export interface Cut {
  /** Which operation, program or erase, counted from 0. */
  readonly operation: number;
  /** Nothing of it is done; or a part: whole granules, then some bits of one more. */
  readonly torn: false | SeededRandom;
}

export interface NorFlashOptions {
  readonly geometry: FlashGeometry;
  /** What it holds; ones throughout where absent. */
  readonly content?: Uint8Array;
  readonly cut?: Cut;
  /** Told after each change, for flash that is kept in a file. */
  readonly onChange?: (address: number, bytes: Uint8Array) => void;
}

export interface NorFlash extends Flash {
  /** A copy of everything. */
  dump(): Uint8Array;
  /** Programs and erases so far. */
  readonly operations: number;
}

export function norFlash({ geometry, content, cut, onChange }: NorFlashOptions): NorFlash {
  const size = flashBytes(geometry);
  const chips = placed(geometry);
  const chipAt = (address: number): Placed => {
    const found = chips.findLast((chip) => chip.address <= address);
    if (found === undefined) throw new FlashMisuse(`expected an address of flash, found ${address}`);
    return found;
  };
  const cells = content?.slice() ?? new Uint8Array(size).fill(erasedByte);
  if (cells.length !== size) throw new RangeError(`expected ${size} bytes of flash, found ${cells.length}`);
  /** Granules programmed since their page was erased, ones only or not: ECC flash takes no second time. */
  const programmed = new Uint8Array(size);
  let operations = 0;
  let powered = true;

  const inside = (chip: Placed, address: number, length: number, unit: number) => {
    const at = address - chip.address;
    if (at % unit !== 0 || length % unit !== 0 || at + length > chip.pageBytes * chip.pages) {
      throw new FlashMisuse(
        `expected whole units of ${unit} inside ${size} bytes, found ${length} at ${address}`,
      );
    }
  };
  const change = (address: number, bytes: Uint8Array) => {
    cells.set(bytes, address);
    onChange?.(address, bytes);
  };
  /** Does all of an operation, or as much of it as the cut allows. */
  const operate = (address: number, after: Uint8Array, part: (random: SeededRandom) => Uint8Array) => {
    if (!powered) throw new PowerCut('the power is off');
    if (operations++ !== cut?.operation) return change(address, after);
    powered = false;
    if (cut.torn !== false) change(address, part(cut.torn));
    throw new PowerCut(`at operation ${cut.operation}`);
  };

  return {
    geometry,
    get operations() {
      return operations;
    },
    dump: () => cells.slice(),
    read(address, length) {
      if (!powered) throw new PowerCut('the power is off');
      if (address < 0 || length < 0 || address + length > size) {
        throw new FlashMisuse(`expected to read inside ${size} bytes, found ${length} at ${address}`);
      }
      return cells.slice(address, address + length);
    },
    program(address, bytes) {
      const chip = chipAt(address);
      const { granuleBytes } = chip;
      inside(chip, address, bytes.length, granuleBytes);
      const granules = programmed.subarray(address, address + bytes.length);
      const isErased = cells.subarray(address, address + bytes.length).every((byte) => byte === erasedByte);
      if (!isErased || granules.some((times) => times > 0)) {
        throw new FlashMisuse(`expected erased granules at ${address}, found programmed ones`);
      }
      granules.fill(1);
      operate(address, bytes, (random) => tornProgram(bytes, granuleBytes, random));
    },
    erase(address) {
      const chip = chipAt(address);
      const { pageBytes } = chip;
      inside(chip, address, pageBytes, pageBytes);
      const erased = new Uint8Array(pageBytes).fill(erasedByte);
      programmed.fill(0, address, address + pageBytes);
      operate(address, erased, (random) => tornErase(cells.subarray(address, address + pageBytes), random));
    },
  };
}

type Placed = Chip & { readonly address: number };

/** Chips, each with where it begins. */
function placed(geometry: FlashGeometry): readonly Placed[] {
  let address = 0;
  return chipsOf(geometry).map((chip) => {
    const begin = address;
    address += chip.pageBytes * chip.pages;
    return { ...chip, address: begin };
  });
}

/** Some granules are there, one is half there, the rest never came. */
function tornProgram(bytes: Uint8Array, granuleBytes: number, random: SeededRandom): Uint8Array {
  const result = new Uint8Array(bytes.length).fill(erasedByte);
  const whole = random.below(bytes.length / granuleBytes) * granuleBytes;
  result.set(bytes.subarray(0, whole));
  for (let at = whole; at < whole + granuleBytes; at++) {
    const cleared = random.below(256);
    result[at] = (bytes[at] ?? erasedByte) | cleared;
  }
  return result;
}

/** Some bits have risen to one, some not yet. */
function tornErase(before: Uint8Array, random: SeededRandom): Uint8Array {
  const share = random.fraction();
  return before.map((byte) => byte | (random.fraction() < share ? erasedByte : random.below(256)));
}
