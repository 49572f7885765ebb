/**
 * A staged image on its way to where it runs, unit by unit: a unit is the larger of the pages that take part.
 * The journal holds how many copies were finished. The one that a power cut met is made again from a source
 * that is still there, so there is no state in between (manifest-37 §6.3.1).
 *
 * Exchanging two images takes two copies for each unit and no scratch page, because the staged one lies a
 * unit behind the place where the old one is kept:
 *
 *     place it runs   o0 o1 o2        n0 o1 o2        n0 n1 n2
 *     staged, kept    .. n0 n1 n2     o0 n0 n1 n2     o0 o1 o2 ..
 */

import type { Memory } from '../storage/arena.ts';
import { lending } from '../storage/arena.ts';
import type { Region } from '../storage/flash.ts';
import { erasedByte, readWhatCan } from '../storage/flash.ts';
import type { Move } from '../storage/boot-record.ts';
import type { Journal } from '../storage/journal.ts';
import type { Layout, SlotLayout } from '../storage/layout.ts';
import { slotAt } from '../storage/layout.ts';

/** Begins a move, and makes it; a cut leaves what `finishMove` goes on with. */
export function move(flash: Memory, layout: Layout, journal: Journal, way: Omit<Move, 'done'>): void {
  journal.append({ name: 'moving', ...way, done: 0 });
  finishMove(flash, layout, journal);
}

/** Makes what is left of a move; nothing where there is none. */
export function finishMove(flash: Memory, layout: Layout, journal: Journal): void {
  const found = journal.bootRecord.move;
  if (found === undefined) return;
  const { done, ...way } = found;
  const copies = copiesOf(layout, way);
  for (let next = done; next < copies.length; next++) {
    const copy = copies[next];
    if (copy !== undefined) copyUnit(flash, copy);
    // The last one is finished with the record that the move is.
    if (next + 1 < copies.length) journal.append({ name: 'moving', ...way, done: next + 1 });
  }
  journal.append({ name: 'moved', ...way });
}

interface Copy {
  readonly source: Region;
  readonly target: Region;
}

/** Every copy, in the order in which they destroy nothing that is needed later. */
export function copiesOf(layout: Layout, { from, to, kept }: Omit<Move, 'done'>): readonly Copy[] {
  const [source, target] = [slotAt(layout, from), slotAt(layout, to)];
  const spare = kept === undefined ? undefined : slotAt(layout, kept);
  const unit = Math.max(source.image.pageBytes, target.image.pageBytes);
  const [sources, targets] = [unitsOf(source, unit), unitsOf(target, unit)];
  const spares = spare === undefined ? [] : unitsOf(spare, unit);
  return targets.flatMap((place, index): readonly Copy[] => {
    const [fresh, keeping] = [sources[index], spares[index]];
    if (fresh === undefined) return [];
    const incoming = { source: fresh, target: place };
    return keeping === undefined ? [incoming] : [{ source: place, target: keeping }, incoming];
  });
}

/** A slot in pieces of one unit, envelope first. @throws {RangeError} where they do not come out even. */
function unitsOf({ envelope, image }: SlotLayout, unit: number): readonly Region[] {
  return [envelope, image].flatMap((region) => {
    if (region.bytes % unit !== 0) {
      throw new RangeError(`expected a region of whole units of ${unit} bytes, found ${region.bytes} bytes`);
    }
    return Array.from({ length: region.bytes / unit }, (_, index) => ({
      ...region,
      address: region.address + index * unit,
      bytes: unit,
    }));
  });
}

/** Without the erased granules at the end, which an erase has made already. */
function wholeGranules(bytes: Uint8Array, granuleBytes: number): Uint8Array {
  const last = bytes.findLastIndex((byte) => byte !== erasedByte);
  return bytes.subarray(0, Math.ceil((last + 1) / granuleBytes) * granuleBytes);
}

/** Copied at once, in whole granules of any size up to this. */
const pieceBytesMax = 1024;

/** Piece by piece, so that no page is held. What cannot be read is not what was signed, either. */
function copyUnit(flash: Memory, { source, target }: Copy): void {
  const { pageBytes } = target;
  const pieceBytes = Math.min(pieceBytesMax, pageBytes);
  lending(flash, pieceBytes, 'a piece of an image', () => {
    for (let at = 0; at < target.bytes; at += pieceBytes) {
      const piece = { ...source, address: source.address + at, bytes: pieceBytes };
      const { bytes } = readWhatCan(flash, piece);
      if (at % pageBytes === 0) flash.erase(target.address + at);
      const used = wholeGranules(bytes, target.granuleBytes);
      if (used.length > 0) flash.program(target.address + at, used);
    }
  });
}
