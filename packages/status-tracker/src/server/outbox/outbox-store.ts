/**
 * The outbox as stores keep it: changes that wait until receivers outside have taken them. A change is put
 * there with what it tells of, in one transaction: what happened is told, however soon the process ends.
 */
import type { StateChange } from '../watch.ts';

/** Changes that are sent together, in their order. */
export interface Delivery {
  /** No other delivery of this store has it. */
  readonly number: number;
  readonly changes: readonly StateChange[];
}

export interface Trimmed {
  readonly receiver: string;
  readonly dropped: number;
}

export interface OutboxStore {
  /**
   * From now on what changes waits for these, too, and for those that were kept before. One that nobody has
   * kept for a day is forgotten, with what waits for it: its server is gone, or was told otherwise.
   */
  keepReceivers(names: readonly string[], nowMs: number): Promise<void>;
  isWaiting(receiver: string): Promise<boolean>;
  /** The oldest that wait; the same ones until they are `delivered`, whatever is added. */
  nextDelivery(receiver: string): Promise<Delivery | undefined>;
  delivered(receiver: string, delivery: number): Promise<void>;
  /** Drops the oldest of each receiver that has more than `most` waiting, but not what is being sent. */
  trimOutbox(most: number): Promise<readonly Trimmed[]>;
  /** How many wait, by their receivers. */
  waiting(): Promise<ReadonlyMap<string, number>>;
}

/** A change is some 200 bytes as JSON; receivers take bodies of some ten thousand. */
export const changesPerDelivery = 100;

/** Longer than a server is away to be repaired or renewed; its own receivers it keeps before it forgets. */
export const forgottenAfterMs = 24 * 60 * 60 * 1000;
