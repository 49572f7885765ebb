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
import type { Profile } from '../profile.ts';
import type { Piece, RecoveryAnswer, Request } from '../recovery-protocol.ts';
import {
  chunkBytesMax,
  decodeRequest,
  encodeAnswer,
  inAnswer,
  requestBytesMax,
} from '../recovery-protocol.ts';
import type { OfferBinding, SlotState } from '../storage/boot-record.ts';
import type { Flash } from '../storage/flash.ts';
import { Journal } from '../storage/journal.ts';
import { imageBytesMax } from '../storage/layout.ts';
import type { TrustStore } from '../trust-store.ts';
import { readTrustStore } from '../trust-store.ts';
import type { NothingBoots } from './boot.ts';
import type { ImagePiece } from './reinstall.ts';
import { reinstall } from './reinstall.ts';
import { selectForRecovery } from './select.ts';

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
  flash: Flash,
  profile: Profile,
  nothing: NothingBoots,
  send: (bytes: Uint8Array) => void,
): Recovery | undefined {
  const trust = readTrustStore(flash, profile.layout.trustStore);
  if (trust === undefined) return undefined;
  const journal = Journal.open(flash, profile.layout.journal);
  const session = openSession({ flash, profile, trust, journal, because: nothing.reason });
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

interface Place {
  readonly flash: Flash;
  readonly profile: Profile;
  readonly trust: TrustStore;
  readonly journal: Journal;
  readonly because: string;
}

interface Session {
  answer(request: Request): RecoveryAnswer;
  readonly isDone: boolean;
}

type Done = Extract<RecoveryAnswer, { readonly name: 'done' }>;

interface Installing {
  readonly machine: ReturnType<typeof reinstall>;
  /** Of the image: the piece that is due begins here. */
  readonly offset: number;
  readonly done: Done;
}

function openSession(place: Place): Session {
  const { profile, journal } = place;
  const slot = selectForRecovery(journal.bootRecord);
  const envelopeBytesMax = Math.min(profile.limits.envelopeBytes, profile.layout.slots[slot].envelope.bytes);
  /** The envelope as far as it has come: in memory, until it has proved itself. */
  let envelope = { content: new Uint8Array(), filled: 0 };
  let installing: Installing | undefined;
  let done: Done | undefined;

  /** Runs the machine to where it waits for the next piece, or to its end. */
  const proceed = (machine: Installing['machine'], piece: ImagePiece | undefined, ended: Done) => {
    const step = piece === undefined ? machine.next() : machine.next(piece);
    if (step.done === true) {
      installing = undefined;
      return (done = ended);
    }
    installing = { machine, offset: step.value, done: ended };
    return wants('image', step.value);
  };

  const takeEnvelope = ({ sizeBytes, offset, content }: Piece): RecoveryAnswer => {
    if (offset === 0) {
      installing = undefined;
      envelope = { content: new Uint8Array(requireEnvelope(sizeBytes, envelopeBytesMax)), filled: 0 };
    } else if (installing !== undefined) return wants('image', installing.offset);
    const end = offset + content.length;
    const follows = offset === envelope.filled && sizeBytes === envelope.content.length && end <= sizeBytes;
    if (!follows) return wants('envelope', envelope.filled);
    envelope.content.set(content, offset);
    envelope.filled = end;
    return end < sizeBytes ? wants('envelope', end) : accept(envelope.content);
  };

  const accept = (whole: Uint8Array): RecoveryAnswer => {
    const admitted = admitEnvelope(whole, profile, place.trust, journal.bootRecord);
    const { digest, manifest } = admitted.authentic;
    const binding = bindingOf(journal.bootRecord.slots[slot], digest.bytes);
    const machine = reinstall({ ...place, slot, envelope: whole, admitted, binding }, place.trust);
    return proceed(machine, undefined, { name: 'done', slot, sequenceNumber: manifest.sequenceNumber });
  };

  const answer = (request: Request): RecoveryAnswer => {
    if (request.name === 'hello') return introduction(place, slot, envelopeBytesMax);
    if (done !== undefined) return done;
    if (request.name === 'envelope') return takeEnvelope(request);
    if (installing === undefined) return wants('envelope', 0);
    return proceed(installing.machine, request, installing.done);
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

const wants = (what: 'envelope' | 'image', offset: number): RecoveryAnswer => ({
  name: 'wants',
  what,
  offset,
});

function requireEnvelope(sizeBytes: number, most: number): number {
  if (sizeBytes > 0 && sizeBytes <= most) return sizeBytes;
  const found = `expected an envelope of 1 to ${most} bytes, found ${sizeBytes}`;
  throw new SuitError('parse', 'operation-failed', found);
}

/** Whoever once offered this very update is owed the report of it, whichever way it came. */
function bindingOf(state: SlotState, digest: Uint8Array): OfferBinding {
  const isSame = 'binding' in state && equalInConstantTime(state.digest, digest);
  return isSame ? state.binding : {};
}

function introduction(
  { profile, trust, journal, because }: Place,
  slot: 0 | 1,
  envelopeBytesMax: number,
): RecoveryAnswer {
  const { device, vendor, class: deviceClass } = trust;
  const { component, layout } = profile;
  const floor = journal.bootRecord.floors.get(componentName(component))?.sequenceNumber;
  return {
    name: 'device',
    device,
    vendor,
    class: deviceClass,
    component,
    slot,
    ...(floor === undefined ? {} : { floor }),
    envelopeBytesMax,
    imageBytesMax: imageBytesMax(layout),
    chunkBytesMax,
    because: inAnswer(because),
  };
}
