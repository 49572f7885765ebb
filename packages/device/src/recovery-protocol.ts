/**
 * What the bootloader and whoever stands beside the device say to each other when nothing boots. The sender
 * asks, the loader answers; each message is one frame, and one CBOR array (`numbered-message.ts`).
 * An answer has the number of what was asked, so that one that comes late or twice is known for what it is.
 *
 * The loader always says what it wants next and from where: a sender that follows goes on after anything, a
 * restart of the device included. Every size is bounded; version and number come first in every version.
 */

import { bytes, map, named, optional, required, text, uint } from '@lapel/cbor';
import { ComponentIdentifier, reportReasons } from '@lapel/suit';
import type { MessageOf } from './numbered-message.ts';
import { decodeMessage, encodeMessage } from './numbered-message.ts';

export const recoveryVersion = 1;

/** Of an envelope or an image, in one message: what a Class 1 device can spare. */
export const chunkBytesMax = 512;
export const requestBytesMax = chunkBytesMax + 64;
export const answerBytesMax = 2048;

const identifier = bytes(16);
const explanationMax = 256;

/** An explanation as an answer can hold it. */
export const inAnswer = (explanation: string): string => explanation.slice(0, explanationMax).toWellFormed();

export const piece = map({
  /** Of all of it. */
  sizeBytes: required(1, uint),
  offset: required(2, uint),
  content: required(3, bytes(0, chunkBytesMax)),
  /** Of an image: which of the manifest's components it is for; the first, where absent. */
  component: optional(4, uint),
});

const requests = {
  /** Who are you, and what do you take? */
  hello: { type: 1, body: map({}) },
  /** A piece of the signed envelope; at offset 0 everything begins anew. */
  envelope: { type: 2, body: piece },
  /** A piece of an image that the envelope's manifest is about. */
  image: { type: 3, body: piece },
} as const;

export const wanted = { envelope: 1, image: 2 } as const;
const stages = { parse: 1, auth: 2, setup: 3, run: 4 } as const;

export const wants = map({
  what: required(1, named('thing to send', wanted)),
  offset: required(2, uint),
  /** Of an image: which of the manifest's components; the first, where absent. */
  component: optional(3, uint),
});

export const refused = map({
  stage: required(1, named('stage', stages)),
  reason: required(2, named('reason', reportReasons)),
  because: required(3, text(explanationMax)),
});

const answers = {
  device: {
    type: 1,
    body: map({
      device: required(1, text(64)),
      vendor: required(2, identifier),
      class: required(3, identifier),
      component: required(4, ComponentIdentifier),
      /** The slot that the image goes to. */
      slot: required(5, uint),
      /** The lowest sequence number that is accepted; absent where nothing was ever confirmed. */
      floor: optional(6, uint),
      envelopeBytesMax: required(7, uint),
      imageBytesMax: required(8, uint),
      chunkBytesMax: required(9, uint),
      /** Why nothing boots. */
      because: required(10, text(explanationMax)),
    }),
  },
  /** What comes next, and from where. That an image is wanted says that the envelope was accepted. */
  wants: { type: 2, body: wants },
  /** The image is what its manifest says; the device boots it, on trial, when it restarts. */
  done: { type: 3, body: map({ slot: required(1, uint), sequenceNumber: required(2, uint) }) },
  refused: { type: 4, body: refused },
} as const;

export type Request = MessageOf<typeof requests>;
export type Piece = Extract<Request, { readonly name: 'envelope' | 'image' }>;
export type RecoveryAnswer = MessageOf<typeof answers>;

export const encodeRequest = (number: number, request: Request) =>
  encodeMessage(recoveryVersion, requests, number, request);
export const encodeAnswer = (number: number, answer: RecoveryAnswer) =>
  encodeMessage(recoveryVersion, answers, number, answer);

/** Undefined where it is no message at all. */
export const decodeRequest = (bytes: Uint8Array) => decodeMessage<Request>(recoveryVersion, requests, bytes);
export const decodeAnswer = (bytes: Uint8Array) =>
  decodeMessage<RecoveryAnswer>(recoveryVersion, answers, bytes);
