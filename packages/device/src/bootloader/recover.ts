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
import type { RecoveryAnswer, Request } from '../recovery-protocol.ts';
import {
  answerBytesMax,
  chunkBytesMax,
  decodeRequest,
  encodeAnswer,
  inAnswer,
  requestBytesMax,
} from '../recovery-protocol.ts';
import type { BootRecord } from '../storage/boot-record.ts';
import { createArena, memoryOnLine, withArena } from '../storage/arena.ts';
import type { Flash } from '../storage/flash.ts';
import { Journal } from '../storage/journal.ts';
import { imageBytesMax, slotAt } from '../storage/layout.ts';
import type { OfferBinding } from '../storage/slot-state.ts';
import { isHeld } from '../storage/slot-state.ts';
import { recoveryTargets } from '../storage/target.ts';
import { readTrustStore } from '../trust-store.ts';
import type { NothingBoots } from './boot.ts';
import { agreeWithCounter, floorOfStart } from './counter.ts';
import { openIntake } from './intake.ts';
import { finishMove } from './move.ts';
import type { Provisioned } from './provisioned.ts';
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

/** A request and its answer. */
const lineBytes = requestBytesMax + answerBytesMax;

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

function openSession(place: Place): Session {
  const { profile, journal } = place;
  const envelopeBytesMax = Math.min(profile.limits.envelopeBytes, envelopeRoom(place));
  let done: RecoveryAnswer | undefined;

  const intake = openIntake(envelopeBytesMax, (envelope) => {
    const { layout } = profile;
    const admitted = admitEnvelope(envelope, profile, place.trust, journal.bootRecord, place.least);
    const { digest, manifest } = admitted.authentic;
    const binding = bindingOf(journal.bootRecord, digest.bytes);
    const targets = recoveryTargets(layout, journal.bootRecord);
    const flash = memoryOnLine(place.board, profile.ramBytes, lineBytes, envelope.length);
    const running = new Map();
    const machine = reinstall({ ...place, flash, layout, envelope, admitted, binding, targets, running });
    return { machine, sequenceNumber: manifest.sequenceNumber };
  });

  const answer = (request: Request): RecoveryAnswer => {
    if (request.name === 'hello') return introduction(place, envelopeBytesMax);
    if (done !== undefined) return done;
    const progress = intake[request.name](request);
    if (progress.name === 'done') done = progress;
    return progress;
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
        intake.reset();
        const { stage, reason, message } = error;
        return { name: 'refused', stage, reason, because: inAnswer(message) };
      }
    },
  };
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
