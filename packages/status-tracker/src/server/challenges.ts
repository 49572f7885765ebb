/**
 * Challenges of registrations: a time, a salt, and a MAC over them and the device. Nothing is kept for one
 * that is made; only which ones were used is remembered.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { hex } from '@lapel/cbor';
import type { Clock, Random } from '@lapel/transport';
import { Problem } from '@lapel/transport';

export interface Challenges {
  make(device: string): Promise<Uint8Array>;
  /**
   * @returns what uses it up. @throws {Problem} where it is not ours, not this device's, too old, or was
   * used.
   */
  check(device: string, challenge: Uint8Array): Promise<() => Promise<void>>;
}

export const challengeMsMax = 120_000;
/** Registrations of one challenge's lifetime. */
export const usedMax = 1_000_000;
/** Of a challenge: when it was made, and what tells it from another of the same moment. */
const timeBytes = 8;
const saltBytes = 8;
export const secretBytes = 32;

/**
 * Of one process, which alone knows the secret and forgets it at its end. The time is one that no clock that
 * is set can take back: else what was used and forgotten would be young again.
 */
export function createChallenges({ clock, random }: { readonly clock: Clock; readonly random: Random }) {
  const secret = random.bytes(secretBytes);
  const used = new Map<string, number>();

  async function check(device: string, challenge: Uint8Array): Promise<() => Promise<void>> {
    const mac = proven(secret, device, challenge);
    const nowMs = Math.floor(clock.monotonicMs());
    const madeMs = timeOf(challenge);
    if (nowMs - madeMs > challengeMsMax || madeMs > nowMs) throw stale(`one made ${nowMs - madeMs} ms ago`);
    const key = hex(mac);
    if (used.has(key)) throw wasUsed();
    return async () => {
      // Proving took its time: the same message may have come twice at once.
      if (used.has(key)) throw wasUsed();
      const usedMs = Math.floor(clock.monotonicMs());
      forgetBefore(usedMs - challengeMsMax);
      if (used.size >= usedMax) throw tooMany();
      used.set(key, usedMs);
    };
  }

  /** They stand in the order of their use. */
  function forgetBefore(ms: number): void {
    for (const [key, usedMs] of used) {
      if (usedMs >= ms) return;
      used.delete(key);
    }
  }

  const make = async (device: string) =>
    challengeAt(Math.floor(clock.monotonicMs()), { secret, device, random });
  return { make, check } satisfies Challenges;
}

export interface Making {
  readonly secret: Uint8Array;
  readonly device: string;
  readonly random: Random;
}

export function challengeAt(time: number, { secret, device, random }: Making): Uint8Array {
  const head = new Uint8Array(timeBytes + saltBytes);
  new DataView(head.buffer).setBigUint64(0, BigInt(time));
  head.set(random.bytes(saltBytes), timeBytes);
  return new Uint8Array([...head, ...macOf(secret, device, head)]);
}

/** Nothing is proved by it. @throws {Problem} for what is too short for one. */
export function timeOf(challenge: Uint8Array): number {
  if (challenge.length < timeBytes) throw stale('another');
  return Number(new DataView(challenge.buffer, challenge.byteOffset).getBigUint64(0));
}

/** @returns what no other challenge has. @throws {Problem} */
export function proven(secret: Uint8Array, device: string, challenge: Uint8Array): Uint8Array {
  const mac = challenge.subarray(timeBytes + saltBytes);
  const expected = macOf(secret, device, challenge.subarray(0, timeBytes + saltBytes));
  if (mac.length !== expected.length || !timingSafeEqual(mac, expected)) throw stale('another');
  return mac;
}

const macOf = (secret: Uint8Array, device: string, head: Uint8Array): Uint8Array =>
  createHmac('sha256', secret).update(head).update(device).digest();

export const stale = (found: string) =>
  new Problem('forbidden', `expected a challenge of the last ${challengeMsMax} ms, found ${found}`);

export const wasUsed = () => stale('one that was used');

export const tooMany = () =>
  new Problem('too-many-requests', `expected fewer than ${usedMax} registrations at a time`);
