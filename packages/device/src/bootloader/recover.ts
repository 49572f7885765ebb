/**
 * When no slot verifies: a signed envelope and its image, over a line, with the checks of any update (S4-46).
 * Synchronous, without a clock, and silent until it is asked; a peer that stays away, stops in the middle or
 * talks nonsense changes nothing. It trusts nobody at the other end: before an envelope is authentic, above
 * the floor and for this device, and its conditions have held, not one byte of flash is written.
 */

import { equalInConstantTime } from '@lapel/cose';
import { SuitError, componentName } from '@lapel/suit';
import { encodeFrame, frameReader } from '@lapel/transport/frame';
import { admitEnvelope } from '../admission.ts';
import type { Counter } from '../hardware.ts';
import type { Profile } from '../profile.ts';
import type { Piece, RecoveryAnswer, Request } from '../recovery-protocol.ts';
import {
  answerBytesMax,
  chunkBytesMax,
  decodeRequest,
  encodeAnswer,
  inAnswer,
  requestBytesMax,
} from '../recovery-protocol.ts';
import type { BootRecord } from '../storage/boot-record.ts';
import type { Memory } from '../storage/arena.ts';
import { createArena, withArena } from '../storage/arena.ts';
import type { Flash } from '../storage/flash.ts';
import { Journal } from '../storage/journal.ts';
import { imageBytesMax, slotAt } from '../storage/layout.ts';
import type { OfferBinding } from '../storage/slot-state.ts';
import { isHeld } from '../storage/slot-state.ts';
import { recoveryTargets } from '../storage/target.ts';
import { readTrustStore } from '../trust-store.ts';
import type { NothingBoots } from './boot.ts';
import { agreeWithCounter, floorOfStart } from './counter.ts';
import { finishMove } from './move.ts';
import type { Provisioned } from './provisioned.ts';
import type { ImagePiece, Wanted } from './reinstall.ts';
import { reinstall } from './reinstall.ts';

export interface Recovery {
  /**
   * Bytes that the line has brought, however they are cut. Answers go out while it runs; what it throws,
   * flash threw.
   */
  receive(bytes: Uint8Array): void;
  /** Whether a firmware waits for its trial: time to restart, once the line has been quiet for a moment. */
  readonly isDone: boolean;
}

/**
 * @param send puts bytes on the line.
 * @returns undefined on a device that knows nobody to trust: nothing can bring that one back.
 */
export function recover(
  board: Flash,
  profile: Profile,
  nothing: NothingBoots,
  send: (bytes: Uint8Array) => void,
  counter?: Counter,
): Recovery | undefined {
  const { layout } = profile;
  const trust = readTrustStore(board, layout.trustStore);
  if (trust === undefined) return undefined;
  const journal = Journal.open(board, layout.journal);
  finishMove(withArena(board, createArena(profile.ramBytes)), layout, journal);
  const least = agreeWithCounter(journal.bootRecord, layout, counter);
  const session = openSession({ board, profile, trust, journal, least, because: nothing.reason });
  const reader = frameReader(requestBytesMax);
  /** The last answer: who asks the same again has not heard it. */
  let last: { readonly number: number; readonly line: Uint8Array } | undefined;

  const hear = (payload: Uint8Array): void => {
    const heard = decodeRequest(payload);
    if (heard === undefined) return;
    const { number, message } = heard;
    const isHello = message === undefined || message.name === 'hello';
    // A sender counts up, from its hello on: what has a lower number was on its way for too long.
    if (!isHello && last !== undefined && number <= last.number) {
      if (number === last.number) send(last.line);
      return;
    }
    const line = encodeFrame(encodeAnswer(number, session.answer(message ?? { name: 'hello' })));
    last = { number, line };
    send(line);
  };

  return {
    receive: (bytes) => reader.push(bytes).forEach(hear),
    get isDone() {
      return session.isDone;
    },
  };
}

interface Place extends Omit<Provisioned, 'flash'> {
  readonly board: Flash;
  /** What hardware remembers of the floor, where the journal has lost it. */
  readonly least: number | undefined;
  readonly because: string;
}

interface Session {
  answer(request: Request): RecoveryAnswer;
  readonly isDone: boolean;
}

type Done = Extract<RecoveryAnswer, { readonly name: 'done' }>;

interface Installing {
  readonly machine: ReturnType<typeof reinstall>;
  readonly wanted: Wanted;
  readonly sequenceNumber: number;
}

function openSession(place: Place): Session {
  const { profile, journal } = place;
  const envelopeBytesMax = Math.min(profile.limits.envelopeBytes, envelopeRoom(place));
  /** The envelope as far as it has come: in memory, until it has proved itself. */
  let envelope = { content: new Uint8Array(), filled: 0 };
  let installing: Installing | undefined;
  let done: Done | undefined;

  /** Runs the machine to where it waits for the next piece, or to its end. */
  const proceed = (
    machine: Installing['machine'],
    piece: ImagePiece | undefined,
    sequenceNumber: number,
  ): RecoveryAnswer => {
    const step = piece === undefined ? machine.next() : machine.next(piece);
    if (step.done === true) {
      installing = undefined;
      return (done = { name: 'done', slot: step.value, sequenceNumber });
    }
    installing = { machine, wanted: step.value, sequenceNumber };
    return wantsImage(step.value);
  };

  const takeEnvelope = ({ sizeBytes, offset, content }: Piece): RecoveryAnswer => {
    if (offset === 0) {
      installing = undefined;
      envelope = { content: new Uint8Array(requireEnvelope(sizeBytes, envelopeBytesMax)), filled: 0 };
    } else if (installing !== undefined) return wantsImage(installing.wanted);
    const end = offset + content.length;
    const follows = offset === envelope.filled && sizeBytes === envelope.content.length && end <= sizeBytes;
    if (!follows) return wantsEnvelope(envelope.filled);
    envelope.content.set(content, offset);
    envelope.filled = end;
    return end < sizeBytes ? wantsEnvelope(end) : accept(envelope.content);
  };

  const accept = (whole: Uint8Array): RecoveryAnswer => {
    const { layout } = profile;
    const admitted = admitEnvelope(whole, profile, place.trust, journal.bootRecord, place.least);
    const { digest, manifest } = admitted.authentic;
    const binding = bindingOf(journal.bootRecord, digest.bytes);
    const targets = recoveryTargets(layout, journal.bootRecord);
    const machine = reinstall({
      ...place,
      flash: memoryFor(place, whole),
      layout,
      envelope: whole,
      admitted,
      binding,
      targets,
      running: new Map(),
    });
    return proceed(machine, undefined, manifest.sequenceNumber);
  };

  const answer = (request: Request): RecoveryAnswer => {
    if (request.name === 'hello') return introduction(place, envelopeBytesMax);
    if (done !== undefined) return done;
    if (request.name === 'envelope') return takeEnvelope(request);
    if (installing === undefined) return wantsEnvelope(0);
    return proceed(installing.machine, request, installing.sequenceNumber);
  };

  return {
    get isDone() {
      return done !== undefined;
    },
    answer(request) {
      try {
        return answer(request);
      } catch (error) {
        if (!(error instanceof SuitError)) throw error;
        installing = undefined;
        envelope = { content: new Uint8Array(), filled: 0 };
        const { stage, reason, message } = error;
        return { name: 'refused', stage, reason, because: inAnswer(message) };
      }
    },
  };
}

/** One envelope at a time, and what the line needs beside it. */
function memoryFor({ board, profile }: Place, envelope: Uint8Array): Memory {
  const arena = createArena(profile.ramBytes);
  arena.take(requestBytesMax + answerBytesMax, 'a request and an answer');
  arena.take(envelope.length, 'an envelope');
  return withArena(board, arena);
}

const wantsEnvelope = (offset: number): RecoveryAnswer => ({ name: 'wants', what: 'envelope', offset });

const wantsImage = ({ component, offset }: Wanted): RecoveryAnswer => ({
  name: 'wants',
  what: 'image',
  offset,
  ...(component === 0 ? {} : { component }),
});

function requireEnvelope(sizeBytes: number, most: number): number {
  if (sizeBytes > 0 && sizeBytes <= most) return sizeBytes;
  const found = `expected an envelope of 1 to ${most} bytes, found ${sizeBytes}`;
  throw new SuitError('parse', 'operation-failed', found);
}

/** Whoever once offered this very update is owed the report of it, whichever way it came. */
function bindingOf({ slots }: BootRecord, digest: Uint8Array): OfferBinding {
  const same = slots.filter(isHeld).find((held) => equalInConstantTime(held.digest, digest));
  return same?.binding ?? {};
}

/** The slot that what starts would be written to. */
function startSlot({ profile: { layout }, journal }: Place): number {
  const [start] = layout.components;
  return recoveryTargets(layout, journal.bootRecord).get(componentName(start.identifier)) ?? 0;
}

const envelopeRoom = (place: Place): number => slotAt(place.profile.layout, startSlot(place)).envelope.bytes;

function introduction(place: Place, envelopeBytesMax: number): RecoveryAnswer {
  const { trust, journal, because, least = 0 } = place;
  const { layout } = place.profile;
  const { device, vendor, class: deviceClass } = trust;
  const floor = Math.max(least, floorOfStart(journal.bootRecord, layout));
  return {
    name: 'device',
    device,
    vendor,
    class: deviceClass,
    component: layout.components[0].identifier,
    slot: startSlot(place),
    ...(floor === 0 ? {} : { floor }),
    envelopeBytesMax,
    imageBytesMax: imageBytesMax(layout),
    chunkBytesMax,
    because: inAnswer(because),
  };
}
