/**
 * The update procedure's effects on this device's flash, whoever drives it: the agent, which waits for a
 * network, and the bootloader's recovery, which waits for a line. Both only push the bytes that they obtain.
 */

import type { Answer, ComponentIdentifier, Effect, Ending, ExpectedImage } from '@lapel/suit';
import { SuitError, componentName } from '@lapel/suit';
import { changeTrustStore } from '../trust-change.ts';
import { followed, isTrustAnchors } from '../trust-order.ts';
import type { Provision, TrustStore } from '../trust-store.ts';
import { openProvision } from '../trust-store.ts';
import { isBootFloor, readBootFloor } from './boot-floor.ts';
import type { ComponentView, Views } from './components.ts';
import { answerFrom, isQuestion } from './components.ts';
import { requireDependants } from './dependants.ts';
import { windows } from './arena.ts';
import { openShelf } from './dependencies.ts';
import type { ImageWriter } from './image-writer.ts';
import { writingBytes } from './image-writer.ts';
import type { RecordOf } from './journal-record.ts';
import { slotAt } from './layout.ts';
import type { Reception } from './reception.ts';
import { closeSlots, openSlot, requireRoom } from './reception.ts';
import { unlessFault } from './slots.ts';
import type { Targets } from './target.ts';
import { targetOf } from './target.ts';

export interface Installing extends Reception {
  readonly trust: TrustStore;
  /** Where images go. */
  readonly targets: Targets;
  /** What the components hold before. */
  readonly running: Views;
  /** How payloads are told from images (S4-112). Without it each is the image as it is. */
  readonly unpack?: Unpack;
}

/**
 * @param before what the component holds, for a payload that is only a difference.
 * @throws {SuitError} where this device cannot do what the manifest asks for; nothing has been written.
 */
export type Unpack = (fetchArguments: Uint8Array, before: ComponentView | undefined) => Unpacking;

export interface Unpacking {
  readonly payloadBytes: number | undefined;
  /** Takes the payload, and puts the image into the writer. */
  into(writer: ImageWriter, imageBytesMax: number): Taking;
}

interface Taking {
  readonly offset: number;
  push(chunk: Uint8Array): void;
  finish(): void;
}

/** A payload that is on its way; its bytes go here, from the offset on, then `finish`. */
export interface Incoming {
  /** Bytes of the payload that are there already: where a fetch goes on. */
  readonly offset: number;
  /** Of the whole payload, where the manifest says so. */
  readonly payloadBytes: number | undefined;
  /** @throws {SuitError} where it does not fit; then what is in the slot is written off. */
  push(chunk: Uint8Array): void;
  finish(): void;
}

export interface Installer {
  /** What is answered at once; or, of a fetch, what takes the payload. @throws {SuitError} */
  perform(effect: Effect): Answer | Incoming;
  /** Records how the procedure ended; returns whether something lies ready to be tried. */
  close(ending: Ending): boolean;
  /** Slots that were filled, with the bytes of their images. */
  readonly sizes: ReadonlyMap<number, number>;
  /** Whether a payload was not what its format says. */
  readonly isSpoiled: boolean;
}

export const isIncoming = (answer: Answer | Incoming): answer is Incoming =>
  typeof answer === 'object' && 'finish' in answer;

export function createInstaller(installing: Installing): Installer {
  const { layout, journal, targets } = installing;
  const views = new Map(installing.running);
  const sizes = new Map<number, number>();
  const floors: RecordOf<'bootFloor'>[] = [];
  let nextTrust: Provision | undefined;
  const shelf = openShelf();
  let isSpoiled = false;

  const receive = (
    component: ComponentIdentifier,
    expected: ExpectedImage,
    unpacking?: Unpacking,
  ): Incoming | undefined => {
    const slot = targetOf(targets, component);
    const place = slotAt(layout, slot);
    const accept = (sizeBytes: number): void => {
      sizes.set(slot, sizeBytes);
      views.set(componentName(component), { slot, sizeBytes });
    };
    requireRoom(place, expected.sizeBytes ?? 0, installing.envelope);
    // Whoever runs out of memory does so before anything is written.
    installing.flash.arena.take(writingBytes, 'an image').free();
    const writer = openSlot(installing, slot, expected, sizes.has(slot));
    if (typeof writer === 'number') {
      accept(writer);
      return undefined;
    }
    const taking = unpacking?.into(writer, expected.sizeBytes ?? place.image.bytes);
    const payloadBytes = unpacking === undefined ? expected.sizeBytes : unpacking.payloadBytes;
    const onSpoiled = (reason: string): void => {
      isSpoiled = true;
      journal.append({ name: 'unusable', slot, because: reason });
    };
    return incoming({ writer, taking, payloadBytes, onSpoiled, accept });
  };

  const unpackingOf = (effect: Extract<Effect, { readonly do: 'fetch' }>): Unpacking | undefined => {
    if (effect.arguments === undefined) return undefined;
    const before = installing.running.get(componentName(effect.component));
    if (installing.unpack !== undefined) return installing.unpack(effect.arguments, before);
    const found = 'expected a payload that is the image itself, found one with fetch arguments';
    throw new SuitError('run', 'parameter-unsupported', found);
  };

  const perform = (effect: Effect): Answer | Incoming => {
    if (isQuestion(effect)) return answerFrom({ ...installing, views }, effect);
    switch (effect.do) {
      case 'envelope':
        return shelf.envelope({ ...installing, views }, effect);
      // Nobody counts who needs what: a slot holds what the last update brought.
      case 'unlink':
        return undefined;
      case 'fetch':
        return receive(effect.component, effect.expected, unpackingOf(effect));
      case 'write':
        if (isBootFloor(effect.component)) {
          const floor = readBootFloor(effect.content, layout, journal.bootRecord);
          if (floor !== undefined) floors.push(floor);
          return undefined;
        }
        if (isTrustAnchors(effect.component)) {
          return void (nextTrust = trustAfter(installing, effect.content));
        }
        return fill(receive(effect.component, { ...effect.expected, sizeBytes: effect.content.length }), [
          effect.content,
        ]);
      case 'copy':
        return copy(installing, views.get(componentName(effect.source)), (sizeBytes) =>
          receive(effect.component, { ...effect.expected, sizeBytes }),
        );
      default:
        throw new SuitError('run', 'command-unsupported', `expected no ${effect.do} in an update, found one`);
    }
  };

  return {
    sizes,
    perform,
    get isSpoiled() {
      return isSpoiled;
    },
    close(ending) {
      shelf.free();
      const isReady = closeSlots(installing, ending, sizes);
      if (ending.failure !== undefined) return isReady;
      for (const floor of floors) journal.append(floor);
      if (nextTrust !== undefined) changeTrustStore(installing.flash, layout, journal, nextTrust);
      return isReady;
    },
  };
}

/** What an order makes of the trust store; undefined where it has been followed. @throws {SuitError} */
function trustAfter(installing: Installing, content: Uint8Array): Provision | undefined {
  const { trust: before, journal, admitted } = installing;
  const next = followed(content, before);
  if (next === undefined) return undefined;
  const booting = { ...installing, limits: admitted.limits, policy: admitted.policy };
  requireDependants(booting, journal.bootRecord, before, openProvision(next));
  return next;
}

interface Arriving {
  readonly writer: ImageWriter;
  /** Absent where the payload is the image. */
  readonly taking: Taking | undefined;
  readonly payloadBytes: number | undefined;
  readonly onSpoiled: (reason: string) => void;
  readonly accept: (sizeBytes: number) => void;
}

function incoming({ writer, taking, payloadBytes, onSpoiled, accept }: Arriving): Incoming {
  const writingOff = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      if (error instanceof SuitError) onSpoiled(error.reason);
      throw error;
    }
  };
  return {
    payloadBytes,
    get offset() {
      return (taking ?? writer).offset;
    },
    push: (chunk) => writingOff(() => (taking ?? writer).push(chunk)),
    finish() {
      writingOff(() => taking?.finish());
      accept(writer.finish());
    },
  };
}

/** Pieces that come from the start, of which an earlier attempt may have written some. */
function fill(into: Incoming | undefined, pieces: Iterable<Uint8Array>): void {
  if (into === undefined) return;
  let skipped = into.offset;
  for (const piece of pieces) {
    into.push(piece.subarray(Math.min(skipped, piece.length)));
    skipped -= Math.min(skipped, piece.length);
  }
  into.finish();
}

function copy(
  { flash, layout }: Installing,
  source: ComponentView | undefined,
  receive: (sizeBytes: number) => Incoming | undefined,
): void {
  if (source?.sizeBytes === undefined) {
    throw new SuitError('run', 'operation-failed', 'expected a source to copy, found none');
  }
  const { slot, sizeBytes } = source;
  const { image } = slotAt(layout, slot);
  const isRead = unlessFault(() => {
    fill(receive(sizeBytes), windows(flash, image.address, sizeBytes));
    return true;
  });
  if (isRead !== true) {
    throw new SuitError('run', 'operation-failed', 'expected a source that can be read, found it damaged');
  }
}
