/**
 * The update procedure in the bootloader: the very machine that installs an update, driven step by step,
 * while the image comes in pieces from outside. It is synchronous: `yield` = this much is there, go on from
 * here.
 */

import type { Answer, Effect, Ending, Run } from '@lapel/suit';
import { SuitError, run } from '@lapel/suit';
import { answerFrom, isComponent, isQuestion } from '../storage/components.ts';
import type { Change, Reception } from '../storage/reception.ts';
import { closeSlot, openSlot, requireRoom } from '../storage/reception.ts';
import type { TrustStore } from '../trust-store.ts';

export interface ImagePiece {
  /** Of the whole image. */
  readonly sizeBytes: number;
  readonly offset: number;
  readonly content: Uint8Array;
}

/** Yields the offset that the next piece is to have. */
type Waiting<T> = Generator<number, T, ImagePiece>;

/** Returns when the image is to be tried at the next start. @throws {SuitError} stage `run`. */
export function* reinstall(reception: Reception, trust: TrustStore): Waiting<void> {
  const { flash, profile, journal, slot, admitted } = reception;
  /** Bytes of the image that this run has put, or found, in the slot. */
  let sizeBytes: number | undefined;

  function* answer(effect: Effect): Waiting<Answer> {
    if (isQuestion(effect)) return answerFrom(flash, profile, trust, { slot, sizeBytes }, effect);
    requireRoom(effect, reception);
    const again = sizeBytes !== undefined;
    sizeBytes = yield* store(effect, reception, again);
    return undefined;
  }

  const ending = yield* driveWaiting(run(admitted, 'update'), answer);
  const staged = closeSlot(reception, ending, sizeBytes);
  if (ending.failure !== undefined) throw ending.failure.error;
  if (!staged) throw operationFailed('expected a manifest that brings an image, found none');
  // The bootloader would not jump to it: it is told now, while somebody listens.
  if (!isProved(ending, reception)) {
    throw new SuitError('run', 'condition-failed', 'expected the manifest to match the image, found none');
  }
  journal.append({ name: 'trial', slot, attempts: trust.attempts });
}

/** The loop that answers the machine's effects, where an answer may have to wait. */
function* driveWaiting<T>(machine: Run<T>, answer: (effect: Effect) => Waiting<Answer>): Waiting<T> {
  let step = machine.next();
  while (!step.done) {
    let reply: Answer;
    try {
      reply = yield* answer(step.value);
    } catch (error) {
      step = machine.throw(error);
      continue;
    }
    step = machine.next(reply);
  }
  return step.value;
}

const isProved = ({ verified }: Ending, { profile }: Reception): boolean =>
  verified.some((component) => isComponent(profile, component));

/** Puts an image into the slot and returns its size. */
function* store(effect: Change, reception: Reception, again: boolean): Waiting<number> {
  const { journal, slot } = reception;
  const writer = openSlot(reception, effect.expected, again);
  if (typeof writer === 'number') return writer;
  const { sizeBytes: expected } = effect.expected;
  const push = (content: Uint8Array): void => {
    try {
      writer.push(content);
    } catch (error) {
      if (error instanceof SuitError) journal.append({ name: 'unusable', slot, because: error.reason });
      throw error;
    }
  };

  if (effect.do === 'write') {
    push(effect.content.subarray(writer.offset));
    return writer.finish();
  }
  for (;;) {
    const { sizeBytes, offset, content } = yield writer.offset;
    // Somebody has brought another file: what is in the slot stays good for the right one.
    if (sizeBytes !== (expected ?? sizeBytes)) {
      throw operationFailed(`expected an image of ${expected} bytes, found ${sizeBytes}`);
    }
    if (offset + content.length > sizeBytes) {
      throw operationFailed(`expected ${sizeBytes} bytes of an image, found more`);
    }
    if (offset === writer.offset) push(content);
    if (writer.offset === sizeBytes) return writer.finish();
  }
}

const operationFailed = (found: string) => new SuitError('run', 'operation-failed', found);
