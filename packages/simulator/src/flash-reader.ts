/**
 * Reads a device's flash with code of its own: it shares none with the device or the tracker, so that a
 * mistake in theirs is not repeated here. It knows the format of the journal
 * (`packages/device/src/storage/journal.ts`) from its description.
 */

import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Layout } from '@lapel/device';

export interface SlotSeen {
  readonly state: 'empty' | 'receiving' | 'staged' | 'trial' | 'confirmed' | 'unusable';
  readonly sequenceNumber: number | undefined;
  /** SHA-256 of the image, in hex, where the journal says how long it is. */
  readonly image: string | undefined;
}

export interface FlashSeen {
  readonly slots: readonly SlotSeen[];
  /** Highest sequence number that a floor or a confirmation names. */
  readonly floor: number;
}

interface Raw {
  readonly type: number;
  readonly order: number;
  readonly body: ReadonlyMap<number, unknown>;
}

/** Types of records, as on flash. */
const types = {
  receiving: 1,
  staged: 3,
  trial: 4,
  confirmed: 6,
  reverted: 7,
  unusable: 8,
  floor: 10,
} as const;

interface Slot {
  state: SlotSeen['state'];
  sequence: number;
  bytes: number;
}

export function readFlash(flash: Uint8Array, layout: Layout): FlashSeen {
  const slots = layout.slots.map((): Slot => ({ state: 'empty', sequence: 0, bytes: 0 }));
  let floor = 0;
  for (const { type: kind, body } of journal(flash, layout)) {
    if (kind === types.floor) floor = Math.max(floor, (body.get(2) as readonly number[])[0] ?? 0);
    const slot = slots[body.get(1) as number];
    if (slot === undefined) continue;
    change(slot, kind, body);
    const raises = kind === types.confirmed && (body.get(2) as readonly unknown[]).length > 0;
    if (raises) floor = Math.max(floor, slot.sequence);
  }
  return { floor, slots: slots.map((slot, index) => seen(slot, flash, layout, index)) };
}

/** One record. A slot is complete only after it was received, and on trial only when it is complete. */
function change(slot: Slot, kind: number, body: Raw['body']): void {
  const number = (key: number) => body.get(key) as number;
  if (kind === types.receiving) Object.assign(slot, { state: 'receiving', sequence: number(3), bytes: 0 });
  if (kind === types.staged && slot.state === 'receiving') {
    Object.assign(slot, { state: 'staged', bytes: number(2) });
  }
  if (kind === types.trial && slot.state === 'staged') slot.state = 'trial';
  if (kind === types.reverted || kind === types.unusable) slot.state = 'unusable';
  if (kind === types.confirmed) {
    Object.assign(slot, { state: 'confirmed', sequence: number(4), bytes: number(6) });
  }
}

function seen({ state, sequence, bytes }: Slot, flash: Uint8Array, layout: Layout, index: number): SlotSeen {
  const start = layout.slots[index]?.image.address ?? 0;
  const complete = state === 'staged' || state === 'trial' || state === 'confirmed';
  const image = createHash('sha256')
    .update(flash.subarray(start, start + bytes))
    .digest('hex');
  return {
    state,
    sequenceNumber: state === 'empty' || state === 'unusable' ? undefined : sequence,
    image: complete ? image : undefined,
  };
}

interface Half {
  readonly generation: number;
  readonly records: readonly Raw[];
}

/** The records of both regions, the older first; a region whose header is blank was never finished. */
function journal(flash: Uint8Array, layout: Layout): readonly Raw[] {
  const halves = layout.journal.flatMap(({ address, bytes, granuleBytes }): Half[] => {
    const headerBytes = Math.ceil(12 / granuleBytes) * granuleBytes;
    const region = Buffer.from(flash.subarray(address, address + bytes));
    const records = recordsOf(region, headerBytes, granuleBytes);
    if (region.subarray(0, headerBytes).every((byte) => byte === 0xff)) return [];
    const isSound =
      region.readUInt16BE(0) === 0x4c4a &&
      region[2] === 1 &&
      region.readUInt32BE(8) === crc32(region.subarray(0, 8));
    if (isSound) return [{ generation: region.readUInt32BE(4), records }];
    return records.length > 0 ? [{ generation: Number.NaN, records }] : [];
  });
  return halves.toSorted(byAge).flatMap(({ records }) => records);
}

/** By generation; where a header is damaged, by the last record. Both count on from 0 after 2^32-1. */
function byAge(a: Half, b: Half): number {
  const difference = a.generation - b.generation;
  if (!Number.isNaN(difference)) return Math.sign(difference | 0);
  const [last, other] = [a.records.at(-1), b.records.at(-1)];
  if (last === undefined || other === undefined) return last === undefined ? -1 : 1;
  return Math.sign((last.order - other.order) | 0);
}

function recordsOf(region: Buffer, start: number, granuleBytes: number): readonly Raw[] {
  const found: Raw[] = [];
  for (let at = start; at + 12 <= region.length;) {
    const end = at + 8 + region.readUInt16BE(at);
    const isWhole = end + 4 <= region.length && region.readUInt32BE(end) === crc32(region.subarray(at, end));
    const order = region.readUInt32BE(at + 4);
    const last = found.at(-1);
    const follows = last === undefined || ((order - last.order) | 0) > 0;
    if (!isWhole || !follows) {
      at += granuleBytes;
      continue;
    }
    const body = item(region, at + 8)[0] as ReadonlyMap<number, unknown>;
    found.push({ type: region[at + 2] ?? 0, order, body });
    at += Math.ceil((end + 4 - at) / granuleBytes) * granuleBytes;
  }
  return found;
}

/**
 * As much CBOR as journals need: non-negative integers, strings, arrays, maps. Returns the item and where
 * it ends.
 */
function item(bytes: Buffer, start: number): readonly [value: unknown, end: number] {
  const first = bytes[start] ?? 0;
  const extra = (first & 31) < 24 ? 0 : 1 << ((first & 31) - 24);
  const argument =
    extra === 0 ? first & 31 : Number(`0x${bytes.toString('hex', start + 1, start + 1 + extra)}`);
  let at = start + 1 + extra;
  const next = (): unknown => {
    const [value, end] = item(bytes, at);
    at = end;
    return value;
  };
  switch (first >> 5) {
    case 0:
      return [argument, at];
    case 2:
    case 3:
      return [bytes.subarray(at, at + argument), at + argument];
    case 4:
      return [Array.from({ length: argument }, next), at];
    case 5:
      return [new Map(Array.from({ length: argument }, () => [next(), next()] as const)), at];
    case 7:
      return [argument === 21, at];
    default:
      throw new Error(`expected an item that a journal may hold, found the byte ${first}`);
  }
}
