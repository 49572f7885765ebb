/**
 * Freeze attacks: whoever stands between a device and its tracker may serve old
 * state for ever, and an old release looks just like no news. An operator therefore signs, again and again,
 * which release of a class is the newest, with a date until which that word holds. A device that has had no
 * such word for longer knows that it may be kept in the past, and says so.
 */
import { CborError, compareBytes, hex, read } from '@lapel/cbor';
import type { VerificationKey } from '@lapel/cose';
import { CoseError, openSigned } from '@lapel/cose';
import { shownTime } from '../policy/shown-time.ts';
import { NewestRelease, newestMsMax } from '../protocol.ts';

/** What a device keeps: the last word that it believed. */
export interface KnownNewest {
  readonly sequenceNumber: number;
  readonly manifestDigest: Uint8Array;
  readonly createdMs: number;
  readonly expiresMs: number;
}

export type Heard =
  | { readonly end: 'believed'; readonly known: KnownNewest }
  | { readonly end: 'refused'; readonly because: string };

/** An operator's clock may be ahead of the device's. */
const clockSkewMsMax = 5 * 60_000;

/**
 * Whether a device believes a statement: it is an operator's, of its class, and not older than the last. A
 * later word may name an older release: a release can be withdrawn, and a thief of the key outlived.
 */
export function hear(
  signed: Uint8Array,
  before: KnownNewest | undefined,
  {
    operators,
    vendor,
    class: product,
    nowMs,
  }: {
    readonly operators: readonly VerificationKey[];
    readonly vendor: Uint8Array;
    readonly class: Uint8Array;
    /** Undefined where the device has no clock that it trusts: then a word is late or early for nobody. */
    readonly nowMs: number | undefined;
  },
): Heard {
  const said = openNewest(signed, operators);
  if (typeof said === 'string') return refused(said);
  const { created: createdMs, expires: expiresMs, sequenceNumber, manifestDigest } = said;
  if (compareBytes(said.vendor, vendor) !== 0 || compareBytes(said.class, product) !== 0) {
    return refused(`expected the newest release of class ${hex(product)}, found that of ${hex(said.class)}`);
  }
  if (nowMs !== undefined && createdMs > nowMs + clockSkewMsMax)
    return refused('expected a statement of the past, found a later one');
  if (expiresMs - createdMs > newestMsMax || expiresMs <= createdMs) {
    return refused(`expected a statement for at most ${newestMsMax} ms, found ${expiresMs - createdMs}`);
  }
  if (before !== undefined && createdMs < before.createdMs) {
    return refused(
      `expected a statement since ${shownTime(before.createdMs)}, found one of ${shownTime(createdMs)}`,
    );
  }
  return { end: 'believed', known: { sequenceNumber, manifestDigest, createdMs, expiresMs } };
}

/** Since when a device may be kept in the past: its last word on the newest release has run out. */
export const frozenSince = (known: KnownNewest | undefined, nowMs: number | undefined): number | undefined =>
  known !== undefined && nowMs !== undefined && nowMs >= known.expiresMs ? known.expiresMs : undefined;

/**
 * What a device shows of its own accord: that it may be frozen, that it is behind, or nothing. @param runs
 * the sequence number that it runs
 */
export function freshness(
  known: KnownNewest | undefined,
  runs: number,
  nowMs: number | undefined,
): string | undefined {
  if (known === undefined) return 'no operator has told yet which release is the newest';
  if (frozenSince(known, nowMs) !== undefined) {
    const since = `since ${shownTime(known.expiresMs)}`;
    return `this device may be kept in the past: no operator has told ${since} which release is the newest`;
  }
  if (runs >= known.sequenceNumber) return undefined;
  return `sequence number ${known.sequenceNumber} is released, this device runs ${runs}`;
}

function openNewest(signed: Uint8Array, operators: readonly VerificationKey[]): NewestRelease | string {
  try {
    return read(NewestRelease, openSigned(signed, operators).payload);
  } catch (error) {
    if (error instanceof CborError || error instanceof CoseError) return `newest release: ${error.message}`;
    throw error;
  }
}

const refused = (because: string): Heard => ({ end: 'refused', because });
