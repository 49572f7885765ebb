/**
 * The update procedure's effects on this device's flash, whoever drives it: the agent, which waits for a
 * network, and the bootloader's recovery, which waits for a line. Both only push the bytes that they obtain.
 */

import type { Answer, ComponentIdentifier, Effect, Ending, EncryptionInfo, ExpectedImage } from '@lapel/suit';
import { SuitError, componentName } from '@lapel/suit';
import { isTrustAnchors } from '../trust-anchors.ts';
import type { TrustStore } from '../trust-store.ts';
import { isBootFloor, readBootFloor } from './boot-floor.ts';
import type { ComponentView, Views } from './components.ts';
import { answerFrom, isQuestion } from './components.ts';
import { windowBytes, windows } from './arena.ts';
import { openShelf } from './dependencies.ts';
import type { ImageWriter } from './image-writer.ts';
import { writingBytes } from './image-writer.ts';
import type { RecordOf } from './journal-record.ts';
import { isStaging, slotAt } from './layout.ts';
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
  /** Absent where a device that boots nothing is first brought back, by images as they are. */
  readonly abilities?: Abilities;
}

/** What an installation does beside storing images. */
export interface Abilities {
  /** How payloads are told from images (S4-112). */
  readonly unpack: Unpack;
  readonly decrypt: Decrypt;
  /** Decides at once; what it returns is done once the procedure has ended well. @throws {SuitError} */
  readonly followOrder: (order: Uint8Array) => () => void;
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

/** @throws {SuitError} where this device has no key for it; nothing has been written. */
export type Decrypt = (encryption: EncryptionInfo) => (output: Taking) => Taking;

export interface Taking {
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
  /** The first of them that is to be tried. */
  readonly filled: number | undefined;
  /** Whether a payload was not what its format says. */
  readonly isSpoiled: boolean;
}

export const isIncoming = (answer: Answer | Incoming): answer is Incoming =>
  typeof answer === 'object' && 'finish' in answer;

export function createInstaller(installing: Installing): Installer {
  const { layout, journal, targets } = installing;
  const views = new Map(installing.running);
  const sizes = new Map<number, number>();
  /** Slots of a payload that only passes through. */
  const passing = new Set<number>();
  const floors: RecordOf<'bootFloor'>[] = [];
  const orders: (() => void)[] = [];
  const shelf = openShelf();
  let isSpoiled = false;

  const receive = (
    component: ComponentIdentifier,
    expected: ExpectedImage,
    unpacking?: Unpacking,
    encryption?: EncryptionInfo,
  ): Incoming | undefined => {
    const decryption = encryption === undefined ? undefined : decryptionOf(installing, encryption, expected);
    const slot = targetOf(targets, component);
    const place = slotAt(layout, slot);
    const accept = (sizeBytes: number): void => {
      sizes.set(slot, sizeBytes);
      if (isStaging(layout, component)) passing.add(slot);
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
    const unpacked = unpacking?.into(writer, expected.sizeBytes ?? place.image.bytes);
    const taking = decryption === undefined ? unpacked : decryption(unpacked ?? rawSink(writer));
    // Of a ciphertext the manifest tells no size.
    const plainBytes = unpacking === undefined ? expected.sizeBytes : unpacking.payloadBytes;
    const payloadBytes = decryption === undefined ? plainBytes : undefined;
    const onSpoiled = (reason: string): void => {
      isSpoiled = true;
      journal.append({ name: 'unusable', slot, because: reason });
    };
    return incoming({ writer, taking, payloadBytes, onSpoiled, accept });
  };

  const unpackingOf = (effect: Extract<Effect, { readonly do: 'fetch' | 'write' | 'copy' }>) => {
    if (effect.arguments === undefined) return undefined;
    const before = installing.running.get(componentName(effect.component));
    return ableTo(installing, 'a payload with fetch arguments').unpack(effect.arguments, before);
  };

  /** What is stored as it is has the size of its source; of what is decrypted the manifest tells its own. */
  const into = (effect: Extract<Effect, { readonly do: 'write' | 'copy' }>, sizeBytes: number) => {
    const { component, expected, encryption } = effect;
    if (encryption === undefined) return receive(component, { ...expected, sizeBytes });
    return receive(component, expected, unpackingOf(effect), encryption);
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
        return receive(effect.component, effect.expected, unpackingOf(effect), effect.encryption);
      case 'write':
        if (isBootFloor(effect.component) && effect.encryption === undefined) {
          const floor = readBootFloor(effect.content, layout, journal.bootRecord);
          if (floor !== undefined) floors.push(floor);
          return undefined;
        }
        if (isTrustAnchors(effect.component) && effect.encryption === undefined) {
          const { followOrder } = ableTo(installing, 'an order about trust anchors');
          return void orders.push(followOrder(effect.content));
        }
        return fill(into(effect, effect.content.length), cut(effect.content));
      case 'copy':
        return copy(installing, views.get(componentName(effect.source)), (sizeBytes) =>
          into(effect, sizeBytes),
        );
      default:
        throw new SuitError('run', 'command-unsupported', `expected no ${effect.do} in an update, found one`);
    }
  };

  return {
    sizes,
    perform,
    get filled() {
      return [...sizes.keys()].find((slot) => !passing.has(slot));
    },
    get isSpoiled() {
      return isSpoiled;
    },
    close(ending) {
      shelf.free();
      const isReady = closeSlots(installing, ending, sizes);
      if (ending.failure !== undefined) return isReady;
      for (const floor of floors) journal.append(floor);
      for (const carryOut of orders) carryOut();
      return isReady;
    },
  };
}

/** @throws {SuitError} where images are only stored. */
function ableTo({ abilities }: Installing, what: string): Abilities {
  if (abilities !== undefined) return abilities;
  const found = `expected a payload that is the image itself, found ${what}`;
  throw new SuitError('run', 'parameter-unsupported', found);
}

/**
 * Before anything is written. Every holder of the content key could have made the tag: what is decrypted is
 * installed only where its author signed a digest of it.
 */
function decryptionOf(installing: Installing, encryption: EncryptionInfo, { digest }: ExpectedImage) {
  const { decrypt } = ableTo(installing, 'one that is encrypted');
  if (digest !== undefined) return decrypt(encryption);
  const found = 'expected a digest of what is to be decrypted, found none';
  throw new SuitError('run', 'parameter-unsupported', found);
}

const rawSink = (writer: ImageWriter): Taking => ({
  get offset() {
    return writer.offset;
  },
  push: (chunk) => writer.push(chunk),
  finish() {},
});

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

/** In pieces like those that are read from flash: whatever works on them is made for these. */
function* cut(content: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < content.length; at += windowBytes) yield content.subarray(at, at + windowBytes);
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
