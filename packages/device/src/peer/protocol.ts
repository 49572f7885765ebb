/**
 * What two processors of one device say to each other on their bus (RFC 9019 §5.5). The master asks, the peer
 * answers; each message is one frame with a number, as in a recovery, and asking twice is asking once.
 *
 * The upper bits of a number are those of the session, which each start of the master draws anew and opens
 * with `hello`. What is of another session is answered `strange`: a peer that has restarted, or a message
 * that was on its way for too long, shows itself so, and nothing is done.
 */

import { array, bytes, map, named, optional, required, text, uint } from '@lapel/cbor';
import type { DigestAlgorithm } from '@lapel/cose';
import { digestAlgorithms } from '@lapel/cose';
import { ComponentIdentifier } from '@lapel/suit';
import type { MessageOf } from '../numbered-message.ts';
import { decodeMessage, encodeMessage } from '../numbered-message.ts';
import { piece, refused, wants } from '../recovery-protocol.ts';

export { answerBytesMax, chunkBytesMax, inAnswer, requestBytesMax } from '../recovery-protocol.ts';

export const peerVersion = 1;

/** Messages of a session; together with its 32 bits a number stays whole in a double. */
export const sessionMessages = 2 ** 20;
export const sessionOf = (number: number): number => Math.floor(number / sessionMessages);

/** Of a manifest: the name of an update, whatever images it brings to whom. */
const manifest = bytes(32);
const slotsMax = 8;
const states = { empty: 1, receiving: 2, staged: 3, trial: 4, confirmed: 5, unusable: 6 } as const;

const codes = Object.fromEntries(
  Object.entries(digestAlgorithms).map(([name, { code }]) => [name, code]),
) as Readonly<Record<DigestAlgorithm, number>>;
const algorithm = named<typeof codes>('digest algorithm', codes);

const requests = {
  /** Opens a session: who are you, what do you hold, what do you run? */
  hello: { type: 1, body: map({}) },
  /** A piece of the signed envelope; at offset 0 everything begins anew. */
  envelope: { type: 2, body: piece },
  /** A piece of the payload for the peer's component. */
  image: { type: 3, body: piece },
  /** What is the digest of the image that this manifest brought? */
  digest: {
    type: 4,
    body: map({
      manifest: required(1, manifest),
      algorithm: required(2, algorithm),
      sizeBytes: optional(3, uint),
    }),
  },
  /** Run what this manifest brought; nothing, where absent. */
  run: { type: 5, body: map({ manifest: optional(1, manifest) }) },
  /** What this manifest brought has proved itself, on both sides. */
  settle: { type: 6, body: map({ manifest: required(1, manifest) }) },
} as const;

const answers = {
  status: {
    type: 1,
    body: map({
      device: required(1, text(64)),
      component: required(2, ComponentIdentifier),
      /** What it runs, by the manifest; absent in the bootloader. */
      running: optional(3, manifest),
      /** The last that was settled: whatever has a lower sequence number is refused. */
      settled: optional(4, manifest),
      slots: required(
        5,
        array(map({ state: required(1, named('state', states)), manifest: optional(2, manifest) }), {
          max: slotsMax,
        }),
      ),
      /** Where a new image would go, among the slots; absent while there is no place for one. */
      spare: optional(6, uint),
    }),
  },
  /** What comes next, and from where. That an image is wanted says that the envelope was accepted. */
  wants: { type: 2, body: wants },
  /** The image is what its manifest says, and stays where it is. */
  done: { type: 3, body: map({ slot: required(1, uint), sequenceNumber: required(2, uint) }) },
  digest: { type: 4, body: map({ digest: optional(1, bytes(32, 64)) }) },
  refused: { type: 5, body: refused },
  /** No session of this number is open. */
  strange: { type: 6, body: map({}) },
} as const;

export type PeerRequest = MessageOf<typeof requests>;
export type PeerAnswer = MessageOf<typeof answers>;
export type PeerStatus = Extract<PeerAnswer, { readonly name: 'status' }>;

export const encodeRequest = (number: number, request: PeerRequest) =>
  encodeMessage(peerVersion, requests, number, request);
export const encodeAnswer = (number: number, answer: PeerAnswer) =>
  encodeMessage(peerVersion, answers, number, answer);

/** Undefined where it is no message at all. */
export const decodeRequest = (bytes: Uint8Array) => decodeMessage<PeerRequest>(peerVersion, requests, bytes);
export const decodeAnswer = (bytes: Uint8Array) => decodeMessage<PeerAnswer>(peerVersion, answers, bytes);
