/**
 * The journal of a device on flash that is damaged at random. It opens, whatever it finds; a floor is where
 * an undamaged record says it is, or above; nothing that was never written is read; and it goes on.
 */

import { compareBytes } from '@lapel/cbor';
import type { Flash, JournalRecord, Region } from '@lapel/device';
import { Journal } from '@lapel/device';
import { component } from './firmware.ts';
import { norFlash } from './flash.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { Broken } from './fuzz-target.ts';
import type { SeededRandom } from './random.ts';

const pageBytes = 2048;
const geometry = { pageBytes, granuleBytes: 8, pages: 2 };
const regions: readonly [Region, Region] = [
  { address: 0, bytes: pageBytes, pageBytes, granuleBytes: 8 },
  { address: pageBytes, bytes: pageBytes, pageBytes, granuleBytes: 8 },
];

/** The bytes of records that together tell of this floor. */
interface Written {
  readonly floor: number;
  readonly spans: readonly Span[];
}
interface Span {
  readonly address: number;
  readonly bytes: Uint8Array;
}

export const journalTarget: FuzzTarget = {
  name: 'journal, damaged',
  draw(random) {
    const { content, written } = history(random);
    const isMoved = random.below(4) === 0;
    const input = isMoved ? moved(content, random) : damaged(content, random);
    return { input, check: () => requireKept(input, written, isMoved) };
  },
};

/** Records of every kind that moves a floor or fills the journal, and where each came to lie. */
function history(random: SeededRandom): {
  readonly content: Uint8Array;
  readonly written: readonly Written[];
} {
  const flash = norFlash({ geometry });
  let spans: Span[] = [];
  const watched: Flash = {
    geometry,
    read: (address, length) => flash.read(address, length),
    erase: (address) => flash.erase(address),
    program(address, bytes) {
      flash.program(address, bytes);
      spans.push({ address, bytes: bytes.slice() });
    },
  };
  const journal = Journal.open(watched, regions);
  const written: Written[] = [];
  for (let left = random.below(40); left > 0; left--) {
    spans = [];
    const before = floorOf(journal);
    const next = record(random);
    journal.append(next);
    // Where the region was full, the whole state was written first, and the header that makes it count.
    if (spans.length > 1 && before !== undefined) written.push({ floor: before, spans: spans.slice(0, -1) });
    if (next.name === 'floor') written.push({ floor: next.floor[0], spans: spans.slice(-1) });
    if (next.name === 'confirmed') written.push({ floor: next.sequenceNumber, spans: spans.slice(-1) });
  }
  return { content: flash.dump(), written };
}

function record(random: SeededRandom): JournalRecord {
  const [digest, slot] = [random.bytes(32), random.below(2)];
  const sequenceNumber = random.below(1000);
  const held = { digest, sequenceNumber, envelopeBytes: 1 };
  const choices: readonly JournalRecord[] = [
    { name: 'floor', component, floor: [sequenceNumber, digest] },
    { name: 'confirmed', images: [[slot, 1]], components: [component], ...held },
    { name: 'receiving', slot, digest, sequenceNumber, envelopeBytes: 9, nonce: random.bytes(16) },
    { name: 'progress', slot, offset: random.below(2 ** 20), prefix: digest },
    { name: 'reverted', digest, because: 'x'.repeat(random.below(100)) },
  ];
  return choices[random.below(choices.length)] ?? { name: 'attempt', slot };
}

/** Single bits; stretches of chance, of zeros and of ones. */
function damaged(content: Uint8Array, random: SeededRandom): Uint8Array {
  const result = content.slice();
  for (let left = random.below(4); left >= 0; left--) {
    const at = random.below(result.length);
    const length = 1 + random.below([16, 200, 2048][random.below(3)] ?? 1);
    const how = random.below(5);
    if (how < 2) result[at] = (result[at] ?? 0) ^ (1 << random.below(8));
    else if (how === 2) result.set(random.bytes(Math.min(length, result.length - at)), at);
    else if (how === 3) result.fill(0, at, at + length);
    else result.fill(0xff, at, at + length);
  }
  return result;
}

/** Sound records in another place: the work of somebody who holds the flash, and can take anything away. */
function moved(content: Uint8Array, random: SeededRandom): Uint8Array {
  const result = content.slice();
  for (let left = random.below(4); left >= 0; left--) {
    const [to, from, end] = [8 * random.below(512), 8 * random.below(512), 8 * random.below(512)];
    result.copyWithin(to, from, end);
  }
  return result;
}

function requireKept(content: Uint8Array, written: readonly Written[], isMoved: boolean): void {
  const flash = norFlash({ geometry, content });
  const journal = Journal.open(flash, regions);
  const floor = floorOf(journal) ?? -1;
  // What an erase or the damage took is no longer there, byte for byte; and a region whose header is blank
  // again was never finished.
  const isThere = ({ address, bytes }: Span) => {
    const header = address - (address % pageBytes);
    const isBlank = content.subarray(header, header + 16).every((byte) => byte === 0xff);
    return !isBlank && compareBytes(content.subarray(address, address + bytes.length), bytes) === 0;
  };
  const least = Math.max(
    -1,
    ...written.filter(({ spans }) => spans.every(isThere)).map((each) => each.floor),
  );
  const most = Math.max(-1, ...written.map((each) => each.floor));
  if (floor < least && !isMoved) throw new Broken(`expected a floor of at least ${least}, found ${floor}`);
  if (floor > most) throw new Broken(`expected a floor of at most ${most}, found ${floor}`);
  requireFloor(floor, norFlash({ geometry, content: flash.dump() }));
  const next = floor + 1;
  journal.append({ name: 'floor', component, floor: [next, new Uint8Array(32)] });
  requireFloor(next, norFlash({ geometry, content: flash.dump() }));
}

function requireFloor(expected: number, flash: Flash): void {
  const found = floorOf(Journal.open(flash, regions)) ?? -1;
  if (found !== expected) throw new Broken(`expected a floor of ${expected} once more, found ${found}`);
}

const floorOf = ({ bootRecord }: Journal): number | undefined => bootRecord.floors.get('00')?.sequenceNumber;
