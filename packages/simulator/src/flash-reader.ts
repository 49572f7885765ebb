/**
 * Reads a device's flash with code of its own: it shares none with the device or the tracker, so that a
 * mistake in theirs is not repeated here. It knows the format of the journal
 * (`packages/device/src/storage/journal-region.ts`) from its description.
 */

import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Layout } from '@lapel/device';

export interface SlotSeen {
  readonly state: 'empty' | 'receiving' | 'staged' | 'trial' | 'confirmed' | 'unusable';
  readonly sequenceNumber: number | undefined;
  /** Of the manifest, in hex. */
  readonly digest: string | undefined;
  /** SHA-256 of the image, in hex, where the journal says how long it is. */
  readonly image: string | undefined;
}

export interface FlashSeen {
  readonly slots: readonly SlotSeen[];
  /** Highest sequence number that a floor or a confirmation names. */
  readonly floor: number;
  /** By the component's name, its byte strings in hex with a `/` between. */
  readonly floors: ReadonlyMap<string, number>;
  readonly bootFloors: ReadonlyMap<string, number>;
  /** Slots between which an image is on its way: neither place holds one. */
  readonly moving: readonly number[];
  /** Of the manifest that one of two processors was told to run, and that is not confirmed; in hex. */
  readonly told: string | undefined;
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
  bootFloor: 12,
  moving: 13,
  moved: 14,
  cleared: 19,
  told: 21,
} as const;

interface Slot {
  state: SlotSeen['state'];
  sequence: number;
  digest: string;
  bytes: number;
}

interface Told {
  readonly slots: readonly Slot[];
  readonly floors: Map<string, number>;
  readonly bootFloors: Map<string, number>;
  moving: readonly number[];
  told: string | undefined;
}

const nothing = { state: 'empty', sequence: 0, digest: '', bytes: 0 } as const;

export function readFlash(flash: Uint8Array, layout: Layout): FlashSeen {
  const told = toldBy((address, length) => flash.subarray(address, address + length), layout);
  return {
    floor: Math.max(0, ...told.floors.values()),
    floors: told.floors,
    bootFloors: told.bootFloors,
    moving: told.moving,
    told: told.told,
    slots: told.slots.map((slot, index) => seen(slot, flash, layout, index)),
  };
}

type Read = (address: number, length: number) => Uint8Array;

/** The states of the slots alone. */
export const readStates = (read: Read, layout: Layout): readonly SlotSeen['state'][] =>
  toldBy(read, layout).slots.map(({ state }) => state);

function toldBy(read: Read, layout: Layout): Told {
  const slots = layout.slots.map((): Slot => ({ ...nothing }));
  const told: Told = { slots, floors: new Map(), bootFloors: new Map(), moving: [], told: undefined };
  for (const { type: kind, body } of journal(read, layout)) follow(told, kind, body);
  return told;
}

/** One record. A slot is complete only after it was received, and on trial only when it is complete. */
function follow(told: Told, kind: number, body: Raw['body']): void {
  const { slots } = told;
  const number = (key: number) => body.get(key) as number;
  const digest = (key: number) => (body.get(key) as Buffer).toString('hex');
  const slot = slots[number(1)];
  const ofUpdate = (of: string) => slots.filter((each) => each.digest === of && each.digest !== '');
  switch (kind) {
    case types.receiving:
      for (const ruined of (body.get(7) ?? []) as number[]) Object.assign(slots[ruined] ?? {}, nothing);
      if (slot === undefined) return;
      Object.assign(slot, { state: 'receiving', sequence: number(3), digest: digest(2), bytes: 0 });
      return;
    case types.staged:
      if (slot?.state === 'receiving') Object.assign(slot, { state: 'staged', bytes: number(2) });
      return;
    case types.trial:
      for (const each of ofUpdate(slot?.digest ?? '')) if (each.state === 'staged') each.state = 'trial';
      return;
    case types.told:
      told.told = digest(1);
      return;
    case types.confirmed:
      if (told.told === digest(3)) told.told = undefined;
      for (const [index, bytes] of body.get(1) as [number, number][]) {
        const confirmed = { state: 'confirmed', sequence: number(4), digest: digest(3), bytes };
        Object.assign(slots[index] ?? {}, confirmed);
      }
      for (const name of body.get(2) as Buffer[][]) raise(told.floors, name, number(4));
      return;
    case types.reverted:
      if (told.told === digest(2)) told.told = undefined;
      for (const each of ofUpdate(digest(2))) {
        if (each.state !== 'confirmed') Object.assign(each, { ...nothing, state: 'unusable' });
      }
      return;
    case types.unusable:
      if (slot !== undefined) Object.assign(slot, { ...nothing, state: 'unusable' });
      return;
    case types.floor:
      return raise(told.floors, body.get(1) as Buffer[], (body.get(2) as number[])[0] ?? 0);
    case types.bootFloor:
      return raise(told.bootFloors, body.get(1) as Buffer[], number(2));
    case types.moving:
      told.moving = [number(1), number(2), ...(body.has(3) ? [number(3)] : [])];
      return;
    case types.cleared:
      for (const index of body.get(1) as number[]) Object.assign(slots[index] ?? {}, nothing);
      [told.moving, told.told] = [[], undefined];
      return;
    case types.moved:
      return moved(told, number(1), number(2), body.get(3) as number | undefined);
  }
}

function raise(floors: Map<string, number>, name: readonly Buffer[], to: number): void {
  const key = name.map((part) => part.toString('hex')).join('/');
  floors.set(key, Math.max(floors.get(key) ?? 0, to));
}

function moved(told: Told, from: number, to: number, kept: number | undefined): void {
  told.moving = [];
  const { [from]: source, [to]: target, [kept ?? -1]: spare } = told.slots;
  if (source === undefined || target === undefined || source.bytes === 0) return;
  const [incoming, outgoing] = [{ ...source }, { ...target }];
  Object.assign(target, incoming);
  if (spare !== undefined) Object.assign(spare, outgoing);
  if (spare !== undefined || source.state !== 'confirmed') Object.assign(source, nothing);
}

function seen(slot: Slot, flash: Uint8Array, layout: Layout, index: number): SlotSeen {
  const { state, sequence, digest, bytes } = slot;
  const start = layout.slots[index]?.image.address ?? 0;
  const complete = state === 'staged' || state === 'trial' || state === 'confirmed';
  const image = createHash('sha256')
    .update(flash.subarray(start, start + bytes))
    .digest('hex');
  const isHeld = complete || state === 'receiving';
  return {
    state,
    sequenceNumber: isHeld ? sequence : undefined,
    digest: isHeld ? digest : undefined,
    image: complete ? image : undefined,
  };
}

interface Half {
  /** NaN where the header is damaged. */
  readonly generation: number;
  readonly isBlank: boolean;
  readonly records: readonly Raw[];
}

/**
 * The records of both regions, the older first. A region whose header is blank was never finished; but where
 * no other one counts, it is what there is.
 */
function journal(read: Read, layout: Layout): readonly Raw[] {
  const halves = layout.journal.map(({ address, bytes, granuleBytes }): Half => {
    const headerBytes = Math.ceil(16 / granuleBytes) * granuleBytes;
    const region = Buffer.from(read(address, bytes));
    const records = recordsOf(region, headerBytes, granuleBytes);
    const isBlank = region.subarray(0, headerBytes).every((byte) => byte === 0xff);
    const isSound =
      region.readUInt16BE(0) === 0x4c4a &&
      region[2] === 1 &&
      region.readUInt32BE(12) === crc32(region.subarray(0, 12));
    return { generation: isSound ? region.readUInt32BE(4) : Number.NaN, isBlank, records };
  });
  const finished = halves.filter(
    ({ generation, isBlank, records }) => !isBlank && (!Number.isNaN(generation) || records.length > 0),
  );
  const counting = finished.length > 0 ? finished : halves;
  return counting.toSorted(byAge).flatMap(({ records }) => records);
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
