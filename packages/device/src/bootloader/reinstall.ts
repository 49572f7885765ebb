/**
 * The update procedure in the bootloader: the very machine that installs an update, driven step by step,
 * while images come in pieces from outside. It is synchronous: `yield` = this much is there, go on from here.
 */

import type { Answer, ComponentIdentifier, Effect, Run } from '@lapel/suit';
import { SuitError, componentName, run } from '@lapel/suit';
import { isVerified } from '../storage/components.ts';
import type { Incoming, Installer, Installing } from '../storage/installer.ts';
import { createInstaller, isIncoming } from '../storage/installer.ts';
import { componentOf, isStaging } from '../storage/layout.ts';

export interface ImagePiece {
  /** Which of the manifest's components it is for. */
  readonly component?: number | undefined;
  /** Of the whole image. */
  readonly sizeBytes: number;
  readonly offset: number;
  readonly content: Uint8Array;
}

/** The piece that is due. */
export interface Wanted {
  readonly component: number;
  readonly offset: number;
}

type Waiting<T> = Generator<Wanted, T, ImagePiece>;

/** Returns the slot of an image that is to be tried at the next start. @throws {SuitError} stage `run`. */
export function* reinstall(installing: Installing): Waiting<number> {
  const { journal, trust } = installing;
  const slot = yield* restage(installing);
  journal.append({ name: 'trial', slot, attempts: trust.attempts });
  return slot;
}

/** The same as far as the image is staged: when it is tried, somebody else says. @throws {SuitError} */
export function* restage(installing: Installing): Waiting<number> {
  const { admitted, layout } = installing;
  // An order that brings no image is not for a device of which nothing boots.
  if (!admitted.components.some((each) => componentOf(layout, each) !== undefined)) {
    throw operationFailed('expected a manifest that brings an image, found none');
  }
  const installer = createInstaller(installing);
  const ending = yield* driveWaiting(run(admitted, 'update'), (effect) =>
    obtain(installer, effect, admitted.components),
  );
  const isReady = installer.close(ending);
  if (ending.failure !== undefined) throw ending.failure.error;
  const slot = installer.filled;
  if (!isReady || slot === undefined) {
    throw operationFailed('expected a manifest that brings an image, found none');
  }
  for (const identifier of admitted.components) {
    // The bootloader would not jump to it: it is told now, while somebody listens.
    const isOwn = componentOf(layout, identifier)?.scheme !== 'link' && !isStaging(layout, identifier);
    if (isOwn && !isVerified(ending.verified, { identifier })) {
      throw new SuitError('run', 'condition-failed', 'expected the manifest to match the image, found none');
    }
  }
  return slot;
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

function* obtain(
  installer: Installer,
  effect: Effect,
  components: readonly ComponentIdentifier[],
): Waiting<Answer> {
  // There is no clock here: whether an update that expires may be installed then, the policy says.
  if (effect.do === 'time') return undefined;
  const answer = installer.perform(effect);
  if (!isIncoming(answer) || effect.do !== 'fetch') return answer as Answer;
  const name = componentName(effect.component);
  const component = components.findIndex((each) => componentName(each) === name);
  if (component === -1) {
    const found = 'expected a payload of the manifest itself over a line, found one of its dependency';
    throw new SuitError('run', 'component-unsupported', found);
  }
  yield* take(answer, component, answer.payloadBytes);
  return undefined;
}

function* take(incoming: Incoming, component: number, expected: number | undefined): Waiting<void> {
  for (;;) {
    const { component: of = 0, sizeBytes, offset, content } = yield { component, offset: incoming.offset };
    if (of !== component) continue;
    // Somebody has brought another file: what is in the slot stays good for the right one.
    if (sizeBytes !== (expected ?? sizeBytes)) {
      throw operationFailed(`expected an image of ${expected} bytes, found ${sizeBytes}`);
    }
    if (offset + content.length > sizeBytes) {
      throw operationFailed(`expected ${sizeBytes} bytes of an image, found more`);
    }
    if (offset === incoming.offset) incoming.push(content);
    if (incoming.offset === sizeBytes) return incoming.finish();
  }
}

const operationFailed = (found: string) => new SuitError('run', 'operation-failed', found);
