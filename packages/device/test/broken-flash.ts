/** Flash with one fault each, as drivers and boards have them, and the check that is meant for it. */

import type { Board, Chip, Flash } from '@lapel/device';
import { erasedByte } from '@lapel/device';

export interface BrokenPort {
  readonly fault: string;
  /** The check that must fail, of all parts only of this one. */
  readonly fails: string;
  /** The board as this port gives it; `life` counts its power cycles. */
  readonly broken: (board: Board, life: number) => Board;
}

/** The chips of the board that is broken here; its scratch region begins at 512. */
export const inside = { pageBytes: 128, granuleBytes: 8, pages: 8 } as const satisfies Chip;
export const beside = { pageBytes: 256, granuleBytes: 16, pages: 4 } as const satisfies Chip;

const flash = (fault: string, fails: string, change: (flash: Flash) => Partial<Flash>): BrokenPort => ({
  fault,
  fails,
  broken: (board) => {
    const { geometry, read, program, erase } = board.flash;
    return { ...board, flash: { geometry, read, program, erase, ...change(board.flash) } };
  },
});

const ones = (length: number) => new Uint8Array(length).fill(erasedByte);
const down = (address: number, unit: number) => Math.floor(address / unit) * unit;

/** What plain cells hold that are programmed over and over: zeros stay. */
function clearBits({ read, program, erase }: Flash, address: number, bytes: Uint8Array): void {
  const page = down(address, inside.pageBytes);
  const content = read(page, inside.pageBytes);
  bytes.forEach(
    (byte, index) => (content[address - page + index] = (content[address - page + index] ?? 0) & byte),
  );
  erase(page);
  program(page, content);
}

const erases = 'an erase sets every bit of its page to one';
const erasesOne = 'an erase changes no other page';
const programs = 'what is programmed is read, in whole pages and in granules';
const programsWhole = 'a program that is not whole granules, or not all inside, is refused';

export const brokenFlashes: readonly BrokenPort[] = [
  flash('an erase that is not waited for', erases, ({ read, program, erase }) => ({
    erase(address) {
      const last = address + inside.pageBytes - 16;
      const late = read(last, 16);
      erase(address);
      program(last, late);
    },
  })),
  flash('an erase command for two pages', erasesOne, ({ erase }) => ({
    erase(address) {
      erase(address);
      if (address === 640) erase(768);
    },
  })),
  flash('an address line that does not reach the chip', erases, ({ erase }) => ({
    erase(address) {
      erase(address);
      if (address === 640) erase(640 - 256);
    },
  })),
  flash('a write that lands in a second place, too', 'a program changes no page beside its own', (inner) => ({
    program(address, bytes) {
      inner.program(address, bytes);
      if (address >= 512 && address < 640) clearBits(inner, address + 384, bytes.subarray(0, 8));
    },
  })),
  flash('a page buffer of half a page', programs, ({ program }) => ({
    program: (address, bytes) => program(address, bytes.subarray(0, inside.pageBytes / 2)),
  })),
  flash('a data line that is stuck', 'every bit can be cleared, and none is that was not to be', (inner) => ({
    program: (address, bytes) =>
      inner.program(
        address,
        bytes.map((byte) => byte | 8),
      ),
  })),
  flash(
    'a granule that is twice as large as said',
    'granules are programmed one by one, in any order, and harm no neighbour',
    ({ program }) => ({
      program(address, bytes) {
        if (bytes.length !== inside.granuleBytes) return program(address, bytes);
        const pair = ones(2 * bytes.length);
        const at = down(address, pair.length);
        pair.set(bytes, address - at);
        program(at, pair);
      },
    }),
  ),
  flash(
    'reads of whole words only',
    'a read begins anywhere, has any length, and may cross pages',
    (inner) => ({
      read: (address, length) => inner.read(length < 4 ? down(address, 4) : address, length),
    }),
  ),
  flash('one buffer for all reads', 'a read is a copy, and so is what is programmed', ({ read }) => {
    const buffer = new Uint8Array(4096);
    return {
      read(address, length) {
        buffer.set(read(address, length));
        return buffer.subarray(0, length);
      },
    };
  }),
  flash(
    'a cache that nothing writes back',
    'what was programmed or erased is so after a power cycle',
    (inner) => {
      const cells = inner.read(0, 2048);
      return {
        read: (address, length) => cells.slice(address, address + length),
        program: (address, bytes) => cells.set(bytes, address),
        erase: (address) => void cells.fill(erasedByte, address, address + inside.pageBytes),
      };
    },
  ),
  flash(
    'a page more than the chip has',
    'the chips of the geometry add up, and can be read to their last byte',
    () => ({
      geometry: [inside, { ...beside, pages: 5 }],
    }),
  ),
  flash('ones behind the end', 'a read that is not all inside is refused', ({ read }) => ({
    read: (address, length) => (address + length > 2048 ? ones(Math.max(0, length)) : read(address, length)),
  })),
  flash('programs that are rounded to granules', programsWhole, ({ program }) => ({
    program: (address, bytes) => program(down(address, 8), bytes),
  })),
  flash('a refusal that comes too late', programsWhole, ({ program }) => ({
    program(address, bytes) {
      const whole = down(bytes.length, 8);
      program(address, bytes.subarray(0, whole));
      if (whole < bytes.length) program(address + whole, bytes.subarray(whole));
    },
  })),
  flash(
    'erases that are rounded to pages',
    'an erase that is not of a page, or outside, is refused',
    ({ erase }) => ({
      erase: (address) => erase(down(address, inside.pageBytes)),
    }),
  ),
  flash(
    'cells that are programmed again',
    'a granule that is programmed keeps what it holds until its page is erased',
    (inner) => ({
      program(address, bytes) {
        const isErased = inner.read(address, bytes.length).every((byte) => byte === erasedByte);
        if (isErased || bytes.length > 16) inner.program(address, bytes);
        else clearBits(inner, address, bytes);
      },
    }),
  ),
  flash(
    'a loader that anybody may erase',
    'what the hardware protects is neither programmed nor erased',
    ({ erase }) => ({
      erase: (address) => (address === 128 ? undefined : erase(address)),
    }),
  ),
];
