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

export function readFlash(flash: Uint8Array, layout: Layout): FlashSeen {
  const slots = layout.slots.map(() => ({ state: 'empty' as SlotSeen['state'], sequence: 0, bytes: 0 }));
  let floor = 0;
  for (const { type: kind, body } of journal(flash, layout)) {
    if (kind === types.floor) floor = Math.max(floor, (body.get(2) as readonly number[])[0] ?? 0);
    const slot = slots[body.get(1) as number];
    if (slot === undefined) continue;
    if (kind === types.receiving)
      Object.assign(slot, { state: 'receiving', sequence: body.get(3), bytes: 0 });
    if (kind === types.staged) Object.assign(slot, { state: 'staged', bytes: body.get(2) });
    if (kind === types.trial) slot.state = 'trial';
    if (kind === types.reverted || kind === types.unusable) slot.state = 'unusable';
    if (kind === types.confirmed) {
      slot.state = 'confirmed';
      if ((body.get(2) as readonly unknown[]).length > 0) floor = Math.max(floor, slot.sequence);
    }
  }
  return { floor, slots: slots.map((slot, index) => seen(slot, flash, layout, index)) };
}

function seen(
  { state, sequence, bytes }: { state: SlotSeen['state']; sequence: number; bytes: number },
  flash: Uint8Array,
  layout: Layout,
  index: number,
): SlotSeen {
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

/** The records of the region whose header is sound and whose generation is the higher. */
function journal(flash: Uint8Array, layout: Layout): readonly Raw[] {
  const regions = layout.journal.map(({ address, bytes }) =>
    Buffer.from(flash.subarray(address, address + bytes)),
  );
  const generation = (region: Buffer) => {
    const sound =
      region.readUInt16BE(0) === 0x4c4a && region.readUInt32BE(8) === crc32(region.subarray(0, 8));
    return sound ? region.readUInt32BE(4) : -1;
  };
  const [newest] = regions
    .filter((region) => generation(region) >= 0)
    .sort((a, b) => generation(b) - generation(a));
  if (newest === undefined) return [];
  const { granuleBytes } = layout.geometry;
  const found: Raw[] = [];
  for (let at = Math.ceil(12 / granuleBytes) * granuleBytes; at + 12 <= newest.length;) {
    const length = newest.readUInt16BE(at);
    const end = at + 8 + length;
    if (end + 4 > newest.length || newest.readUInt32BE(end) !== crc32(newest.subarray(at, end))) {
      at += granuleBytes;
      continue;
    }
    found.push({ type: newest[at + 2] ?? 0, body: item(newest, at + 8)[0] as ReadonlyMap<number, unknown> });
    at += Math.ceil((8 + length + 4) / granuleBytes) * granuleBytes;
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
    default:
      throw new Error(`expected an item that a journal may hold, found the byte ${first}`);
  }
}
