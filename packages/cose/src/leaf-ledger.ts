/**
 * Which one-time keys of a hash-based key are spent. Two signatures by one leaf betray the key (RFC 8554
 * §9), so a leaf is written off durably before its signature exists; what a power cut leaves unsigned is
 * lost.
 *
 * A copy of the state that is put back looks like the state of that day: by itself it can't be told from the
 * true one, and would spend leaves again. Only a mark that is kept elsewhere and not put back with it shows
 * that. Whoever keeps no mark must make sure that no copy of the state is ever used.
 */

import type { Infer } from '@lapel/cbor';
import { CborError, bytes, map, read, required, uint, write } from '@lapel/cbor';
import { equalInConstantTime } from './crypto.ts';

export interface LeafLedger {
  /** A leaf below `leaves` that nobody was given before or will be given again. @throws {LedgerError} */
  reserve(leaves: number): number;
}

/** One small state on a durable medium, and the steps by which it changes. Any of them may throw. */
export interface LeafStore {
  /**
   * Takes the lock of this state, or says that another signer has it. A process that dies gives it up without
   * further doing.
   */
  lock(): boolean;
  unlock(): void;
  read(): Uint8Array | undefined;
  writeAside(content: Uint8Array): void;
  /** After this the content that was written aside outlives a power cut. */
  syncAside(): void;
  /** Puts what was written aside in the place of the state: all of it or nothing. */
  replace(): void;
  /** After this the replacement outlives a power cut. */
  syncFolder(): void;
}

/** A number that only rises, on another medium than the state: in no folder or backup with it. */
export interface HighWaterMark {
  read(): number;
  /** Durable when it returns. */
  raise(next: number): void;
}

export type LedgerErrorKind =
  /** Another signer is at work. */
  | 'busy'
  /** There is no state for this key, or one of another key, or one that is no state. */
  | 'damaged'
  /** The state is older than the mark: a copy was put back. */
  | 'restored'
  /** Every leaf is spent. */
  | 'exhausted';

export class LedgerError extends Error {
  override readonly name = 'LedgerError';
  readonly kind: LedgerErrorKind;

  constructor(kind: LedgerErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

const kidBytes = 32;
const State = map({ kid: required(1, bytes(kidBytes)), next: required(2, uint) });
type State = Infer<typeof State>;

/** Begins the ledger of a new key. @throws {LedgerError} where there is one: it must not begin again. */
export function beginLedger(store: LeafStore, kid: Uint8Array): void {
  locked(store, () => {
    if (store.read() !== undefined) throw new LedgerError('damaged', 'expected no ledger yet, found one');
    replaceState(store, { kid, next: 0 });
  });
}

/** The ledger of the key with this kid. `mark` is how a copy that was put back is noticed. */
export function openLedger(store: LeafStore, kid: Uint8Array, mark?: HighWaterMark): LeafLedger {
  return { reserve: (leaves) => locked(store, () => reserve(store, kid, leaves, mark)) };
}

/** The order is the proof: state, medium, folder, mark; only then is the leaf anybody's. */
function reserve(store: LeafStore, kid: Uint8Array, leaves: number, mark: HighWaterMark | undefined): number {
  const state = readState(store, kid);
  const highest = mark?.read() ?? 0;
  if (state.next < highest) {
    throw new LedgerError(
      'restored',
      `expected a ledger that has spent ${highest} leaves or more, found ${state.next}: an older copy`,
    );
  }
  if (state.next >= leaves) {
    throw new LedgerError('exhausted', `expected a leaf that is not spent, found all ${leaves} spent`);
  }
  const next = state.next + 1;
  replaceState(store, { kid, next });
  mark?.raise(next);
  return state.next;
}

function readState(store: LeafStore, kid: Uint8Array): State {
  const content = store.read();
  if (content === undefined) throw new LedgerError('damaged', 'expected the ledger of this key, found none');
  const state = decoded(content);
  if (!equalInConstantTime(state.kid, kid)) {
    throw new LedgerError('damaged', "expected the ledger of this key, found another key's");
  }
  return state;
}

function decoded(content: Uint8Array): State {
  try {
    return read(State, content);
  } catch (error) {
    if (!(error instanceof CborError)) throw error;
    throw new LedgerError('damaged', `expected a ledger, found other bytes: ${error.message}`, {
      cause: error,
    });
  }
}

function replaceState(store: LeafStore, state: State): void {
  store.writeAside(write(State, state));
  store.syncAside();
  store.replace();
  store.syncFolder();
}

function locked<T>(store: LeafStore, act: () => T): T {
  if (!store.lock())
    throw new LedgerError('busy', 'expected to be the only signer with this key, found another');
  try {
    return act();
  } finally {
    store.unlock();
  }
}
