/**
 * The peer's side of the bus (RFC 9019 §5.5): in its bootloader, and in the firmware that it runs. It has its
 * own flash, journal and trust store, and does nothing on the master's word but choose: it stores only what
 * the signed envelope says and its own floor lets through, and runs only what it has verified itself, anew at
 * each start. Until it was told what to run it runs nothing. Synchronous, without a clock, silent until then.
 *
 * It never overwrites what was last settled, nor what it was last told to run: whatever the master's journal
 * says, the image that belongs to it is here.
 */

import { SuitError, componentName } from '@lapel/suit';
import { encodeFrame, frameReader } from '@lapel/transport/frame';
import { admitEnvelope } from '../admission.ts';
import { agreeWithCounter } from '../bootloader/counter.ts';
import type { Beginning, Ended } from '../bootloader/intake.ts';
import { openIntake } from '../bootloader/intake.ts';
import { restage } from '../bootloader/reinstall.ts';
import type { Counter } from '../hardware.ts';
import type { Profile } from '../profile.ts';
import { answerFrom } from '../storage/components.ts';
import { memoryOnLine } from '../storage/arena.ts';
import type { Flash } from '../storage/flash.ts';
import { Journal } from '../storage/journal.ts';
import { slotAt } from '../storage/layout.ts';
import { isComplete, isSame, stateOf } from '../storage/slot-state.ts';
import { confirmation } from '../storage/snapshot.ts';
import { readTrustStore } from '../trust-store.ts';
import type { Holdings } from './holdings.ts';
import {
  isProtected,
  ownComponent,
  requireImage,
  settledOf,
  slotOf,
  spareSlot,
  statusOf,
} from './holdings.ts';
import type { PeerAnswer, PeerRequest } from './protocol.ts';
import {
  answerBytesMax,
  decodeRequest,
  encodeAnswer,
  inAnswer,
  requestBytesMax,
  sessionOf,
} from './protocol.ts';

export interface PeerOptions {
  readonly flash: Flash;
  /** In which the master's components are of the scheme `link`. */
  readonly profile: Profile;
  readonly counter?: Counter;
  /** What was jumped to; absent in the bootloader. */
  readonly running?: Launch;
  /** Puts bytes on the bus. */
  readonly send: (bytes: Uint8Array) => void;
  /** Jumps to a verified image; or restarts into the bootloader, where there is none. */
  readonly start: (launch: Launch | undefined) => void;
}

/** An image that was verified, and whatever the bootloader hands over to it. */
export interface Launch {
  readonly slot: number;
  /** Of its manifest. */
  readonly digest: Uint8Array;
  readonly journal: Journal;
}

export interface BusPeer {
  /** Bytes that the bus has brought, however they are cut. What it throws, flash threw. */
  receive(bytes: Uint8Array): void;
}

/** Undefined on a processor that knows nobody to trust. */
export function createPeer(options: PeerOptions): BusPeer | undefined {
  const { flash, profile, counter, running, send } = options;
  const trust = readTrustStore(flash, profile.layout.trustStore);
  if (trust === undefined) return undefined;
  const journal = running?.journal ?? Journal.open(flash, profile.layout.journal);
  const least = agreeWithCounter(journal.bootRecord, profile.layout, counter);
  const memory = memoryOnLine(flash, profile.ramBytes, lineBytes);
  const session = openSession({
    ...options,
    board: flash,
    flash: memory,
    trust,
    journal,
    least,
    running: running?.digest,
  });
  const reader = frameReader(requestBytesMax);
  /** The last answer: who asks the same again has not heard it. */
  let last: { readonly number: number; readonly line: Uint8Array } | undefined;

  const hear = (payload: Uint8Array): void => {
    const heard = decodeRequest(payload);
    if (heard?.message === undefined) return;
    const { number, message } = heard;
    if (message.name !== 'hello') {
      if (last === undefined || sessionOf(last.number) !== sessionOf(number)) {
        return send(encodeFrame(encodeAnswer(number, { name: 'strange' })));
      }
      if (number < last.number) return;
      if (number === last.number) return send(last.line);
    }
    const line = encodeFrame(encodeAnswer(number, session.answer(message)));
    last = { number, line };
    send(line);
    session.leave();
  };

  return { receive: (bytes) => reader.push(bytes).forEach(hear) };
}

/** A request and its answer. */
const lineBytes = requestBytesMax + answerBytesMax;

interface Place extends Holdings, Pick<PeerOptions, 'counter' | 'start'> {
  /** The bare flash: each update has its own memory to work on it. */
  readonly board: Flash;
}

function openSession(place: Place) {
  const { profile, journal, start } = place;
  const [component] = profile.layout.components;
  const roomBytes = Math.min(...component.slots.map((slot) => slotAt(profile.layout, slot).envelope.bytes));
  const intake = openIntake(Math.min(profile.limits.envelopeBytes, roomBytes), (envelope) =>
    begin(place, envelope),
  );
  /** To be done once the answer is out. */
  let leaving: (() => void) | undefined;

  const run = (digest: Uint8Array | undefined): PeerAnswer => {
    if (digest === undefined) {
      if (place.running !== undefined) leaving = () => start(undefined);
    } else if (!isSame(place.running, digest)) {
      const slot = requireImage(place, digest);
      remember(place, digest);
      leaving = () => start({ slot, digest, journal });
    }
    return statusOf(place);
  };

  const answer = (request: PeerRequest): PeerAnswer => {
    switch (request.name) {
      case 'hello':
        return statusOf(place);
      case 'envelope':
        return intake.envelope(request);
      case 'image':
        return intake.image(request);
      case 'digest':
        return digestOf(place, request);
      case 'run':
        return run(request.manifest);
      case 'settle':
        return settle(place, request.manifest);
    }
  };

  return {
    answer(request: PeerRequest): PeerAnswer {
      try {
        return answer(request);
      } catch (error) {
        if (!(error instanceof SuitError)) throw error;
        intake.reset();
        const { stage, reason, message } = error;
        return { name: 'refused', stage, reason, because: inAnswer(message) };
      }
    },
    leave: () => leaving?.(),
  };
}

/** Proves the envelope; nothing has been written when it throws. */
function begin(place: Place, envelope: Uint8Array): Beginning | Ended {
  const { profile, trust, journal, least } = place;
  const { layout } = profile;
  const admitted = admitEnvelope(envelope, profile, trust, journal.bootRecord, least);
  const { digest, manifest } = admitted.authentic;
  const { sequenceNumber } = manifest;
  const name = componentName(ownComponent(place).identifier);
  if (!admitted.components.some((component) => componentName(component) === name)) {
    throw new SuitError('setup', 'component-unsupported', 'expected a component of the peer, found others');
  }
  const there = slotOf(place, digest.bytes);
  if (there !== undefined && isProtected(place, there)) {
    return { slot: requireImage(place, digest.bytes), sequenceNumber };
  }
  const spare = spareSlot(place);
  if (spare === undefined) {
    const found = 'expected the last update to be settled, found it on trial';
    throw new SuitError('setup', 'operation-failed', found);
  }
  const [targets, running] = [new Map([[name, spare]]), new Map()];
  const flash = memoryOnLine(place.board, profile.ramBytes, lineBytes, envelope.length);
  const machine = restage({ ...place, flash, layout, envelope, admitted, targets, running, binding: {} });
  return { machine, sequenceNumber };
}

/** Before it is left for: from here on what lies there is kept. */
function remember(place: Place, digest: Uint8Array): void {
  const { journal } = place;
  const last = journal.bootRecord.told?.digest ?? settledOf(place);
  if (isSame(last, digest)) return;
  journal.append({ name: 'told', digest, components: [ownComponent(place).identifier] });
}

/** The floor rises, and what was settled before may be overwritten. */
function settle(place: Place, digest: Uint8Array): PeerAnswer {
  const { journal, profile, counter } = place;
  if (isSame(settledOf(place), digest)) return statusOf(place);
  const slot = slotOf(place, digest);
  if (slot === undefined || !isSame(place.running, digest)) {
    throw new SuitError('run', 'operation-failed', 'expected what is running to be settled, found another');
  }
  const record = confirmation(journal.bootRecord, slot, [ownComponent(place).identifier]);
  if (record !== undefined) journal.append(record);
  agreeWithCounter(journal.bootRecord, profile.layout, counter);
  return statusOf(place);
}

function digestOf(place: Place, asked: Extract<PeerRequest, { readonly name: 'digest' }>): PeerAnswer {
  const { flash, trust, journal, profile } = place;
  const { identifier: component } = ownComponent(place);
  const slot = slotOf(place, asked.manifest);
  const state = stateOf(journal.bootRecord.slots, slot ?? -1);
  if (slot === undefined || !isComplete(state)) return { name: 'digest' };
  const views = new Map([[componentName(component), { slot, sizeBytes: state.imageBytes }]]);
  const { algorithm, sizeBytes } = asked;
  const found = answerFrom(
    { flash, trust, layout: profile.layout, views },
    { do: 'digest', component, algorithm, ...(sizeBytes === undefined ? {} : { sizeBytes }) },
  );
  return found instanceof Uint8Array ? { name: 'digest', digest: found } : { name: 'digest' };
}
