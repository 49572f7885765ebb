/** A session lasts from one registration to the next. */
import { hex } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import type { Offer } from '../protocol.ts';

export interface Session {
  readonly authorization: string;
  readonly id: Uint8Array;
  counter: number;
  answers: number;
  /** The number of the last trigger that was taken. */
  triggered: number;
  etag: string | undefined;
  offer: Offer | undefined;
  newest: Uint8Array | undefined;
}

const sessionBytes = 8;

export const sessionOf = (token: Uint8Array): Session => ({
  authorization: `Bearer ${hex(token)}`,
  id: digest('sha-256', token).slice(0, sessionBytes),
  counter: 0,
  answers: 0,
  triggered: 0,
  etag: undefined,
  offer: undefined,
  newest: undefined,
});
