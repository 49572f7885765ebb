/**
 * A signed envelope and its images, as they come over a line in pieces. The envelope is kept in memory until
 * it has proved itself; what then becomes of it, and of the images, is `begin`'s. It always says what it
 * wants next, and from where.
 */

import { SuitError } from '@lapel/suit';
import type { Piece } from '../recovery-protocol.ts';
import type { ImagePiece, Wanted } from './reinstall.ts';

/** Runs to where it waits for a piece of an image, or to its end: the slot that was filled. */
export interface Beginning {
  readonly machine: Generator<Wanted, number, ImagePiece>;
  readonly sequenceNumber: number;
}

/** All of it was there before. */
export interface Ended {
  readonly slot: number;
  readonly sequenceNumber: number;
}

export type Progress = Wants | Done;

interface Wants {
  readonly name: 'wants';
  readonly what: 'envelope' | 'image';
  readonly offset: number;
  readonly component?: number;
}

interface Done extends Ended {
  readonly name: 'done';
}

export interface Intake {
  /** At offset 0 everything begins anew. @throws {SuitError} */
  envelope(piece: Piece): Progress;
  /** @throws {SuitError} */
  image(piece: Piece): Progress;
  /** Nothing is under way any more. */
  reset(): void;
}

/** @param begin is given the envelope once it is whole, and proves it. @throws {SuitError} */
export function openIntake(
  envelopeBytesMax: number,
  begin: (envelope: Uint8Array) => Beginning | Ended,
): Intake {
  let envelope = { content: new Uint8Array(), filled: 0 };
  let installing: (Beginning & { readonly wanted: Wanted }) | undefined;

  const proceed = (beginning: Beginning, piece?: ImagePiece): Progress => {
    const { machine, sequenceNumber } = beginning;
    const step = piece === undefined ? machine.next() : machine.next(piece);
    if (step.done === true) {
      installing = undefined;
      return { name: 'done', slot: step.value, sequenceNumber };
    }
    installing = { ...beginning, wanted: step.value };
    return wantsImage(step.value);
  };

  return {
    envelope({ sizeBytes, offset, content }) {
      if (offset === 0) {
        installing = undefined;
        envelope = { content: new Uint8Array(requireEnvelope(sizeBytes, envelopeBytesMax)), filled: 0 };
      } else if (installing !== undefined) return wantsImage(installing.wanted);
      const end = offset + content.length;
      const follows = offset === envelope.filled && sizeBytes === envelope.content.length && end <= sizeBytes;
      if (!follows) return wantsEnvelope(envelope.filled);
      envelope.content.set(content, offset);
      envelope.filled = end;
      if (end < sizeBytes) return wantsEnvelope(end);
      const begun = begin(envelope.content);
      return 'machine' in begun ? proceed(begun) : { name: 'done', ...begun };
    },
    image: (piece) => (installing === undefined ? wantsEnvelope(0) : proceed(installing, piece)),
    reset() {
      installing = undefined;
      envelope = { content: new Uint8Array(), filled: 0 };
    },
  };
}

const wantsEnvelope = (offset: number): Wants => ({ name: 'wants', what: 'envelope', offset });

const wantsImage = ({ component, offset }: Wanted): Wants => ({
  name: 'wants',
  what: 'image',
  offset,
  ...(component === 0 ? {} : { component }),
});

function requireEnvelope(sizeBytes: number, most: number): number {
  if (sizeBytes > 0 && sizeBytes <= most) return sizeBytes;
  const found = `expected an envelope of 1 to ${most} bytes, found ${sizeBytes}`;
  throw new SuitError('parse', 'operation-failed', found);
}
