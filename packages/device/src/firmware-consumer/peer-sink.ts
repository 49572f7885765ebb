/**
 * An envelope and a payload on their way to another processor, in pieces. The processor says what it wants
 * and from where: after a restart it wants the envelope again, and goes on behind its last mark.
 */

import { SuitError } from '@lapel/suit';
import { TransportError } from '@lapel/transport';
import type { Peer, PeerProgress } from '../peer/link.ts';
import { chunkBytesMax } from '../peer/protocol.ts';
import type { Sink } from './fetch.ts';

/** Pieces of one envelope: as many as it has, and some that are sent again. */
const envelopePiecesMax = 64;

/** @throws {SuitError} where it is refused. */
export async function offerEnvelope(
  peer: Peer,
  envelope: Uint8Array,
  signal: AbortSignal,
): Promise<PeerProgress> {
  const { length: sizeBytes } = envelope;
  for (let [pieces, offset] = [0, 0]; pieces < envelopePiecesMax; pieces++) {
    const content = envelope.subarray(offset, offset + chunkBytesMax);
    const progress = await peer.take({ name: 'envelope', sizeBytes, offset, content }, signal);
    if (progress.name === 'done' || progress.what === 'image') return progress;
    offset = Math.min(progress.offset, sizeBytes);
  }
  throw new TransportError('no-answer', 'expected the peer to take the envelope, found it asking for more');
}

export interface PeerSink extends Sink {
  push(chunk: Uint8Array): Promise<void>;
  /** Nothing more is wanted. */
  readonly isOver: boolean;
  /** The image is what its manifest says. */
  readonly isWhole: boolean;
}

export interface Sending {
  readonly peer: Peer;
  readonly envelope: Uint8Array;
  readonly sizeBytes: number;
  readonly signal: AbortSignal;
}

/** @param first what the peer has answered to the envelope. */
export function peerSink({ peer, envelope, sizeBytes, signal }: Sending, first: PeerProgress): PeerSink {
  let [isOver, isWhole] = [false, false];
  /** Where the peer goes on; of what is behind it, less than a piece is kept here. */
  let [sent, component]: [number, number | undefined] = [0, undefined];
  const pending = new Uint8Array(chunkBytesMax);
  let pendingBytes = 0;

  const follow = (progress: PeerProgress): void => {
    pendingBytes = 0;
    if (progress.name === 'done') [isOver, isWhole, sent] = [true, true, sizeBytes];
    else [sent, component] = [progress.offset, progress.component];
  };

  const send = async (): Promise<void> => {
    const content = pending.slice(0, pendingBytes);
    const expected = sent + content.length;
    const of = component === undefined ? {} : { component };
    const progress = await peer
      .take({ name: 'image', sizeBytes, offset: sent, content, ...of }, signal)
      .catch((error: unknown) => lastWord(error, expected === sizeBytes));
    if (progress === undefined) {
      [isOver, sent, pendingBytes] = [true, sizeBytes, 0];
      return;
    }
    const isAnew = progress.name === 'wants' && progress.what === 'envelope';
    follow(isAnew ? await offerEnvelope(peer, envelope, signal) : progress);
    if (isOver || sent === expected) return;
    // Whoever fetches begins again where the peer is.
    throw new TransportError('no-answer', `expected the peer at ${expected}, found it at ${sent}`);
  };

  follow(first);
  return {
    get offset() {
      return sent + pendingBytes;
    },
    get isOver() {
      return isOver;
    },
    get isWhole() {
      return isWhole;
    },
    async push(chunk) {
      for (let at = 0; at < chunk.length;) {
        const taken = Math.min(chunk.length - at, pending.length - pendingBytes);
        pending.set(chunk.subarray(at, at + taken), pendingBytes);
        pendingBytes += taken;
        at += taken;
        if (pendingBytes === pending.length || sent + pendingBytes === sizeBytes) await send();
      }
    },
  };
}

/** An image that is not what its manifest says: the manifest's own image match is to find that out. */
function lastWord(error: unknown, isLast: boolean): undefined {
  if (isLast && error instanceof SuitError && error.reason === 'condition-failed') return undefined;
  throw error;
}

/** A payload that came with the envelope. */
export async function bring(content: Uint8Array, sink: PeerSink): Promise<void> {
  for (let setbacks = 0; !sink.isOver; setbacks++) {
    try {
      await sink.push(content.subarray(sink.offset));
    } catch (error) {
      if (!(error instanceof TransportError) || setbacks === setbacksMax) throw error;
    }
  }
}

/** How often a peer may begin anew in one payload: its power goes, too. */
const setbacksMax = 8;
