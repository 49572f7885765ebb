/**
 * A registration: a device proves over a fresh challenge that it holds its key, says how it wants to be
 * updated, and gets a session. Whether it is let in is decided in `enrolment/admit.ts`.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { hex } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { digest, publicKeyOf } from '@lapel/cose';
import type { Clock, Random } from '@lapel/transport';
import { Problem } from '@lapel/transport';
import { Registration } from '../protocol.ts';
import { createAdmission } from './enrolment/admit.ts';
import { ofKey } from './enrolment/certificate.ts';
import type { House } from './enrolment/judge-terms.ts';
import { judgeTerms, thisHouse } from './enrolment/judge-terms.ts';
import { createRefusals } from './enrolment/refusals.ts';
import { inTurns } from './in-turns.ts';
import type { Notify } from './notify.ts';
import { termsOf } from './session-terms.ts';
import type { Proofs } from './proofs.ts';
import { peekMessage, proven, sealReceipt, translated } from './sealed.ts';
import type { Speaker } from './fleet.ts';
import type { FleetStore, NewSession } from './store.ts';

export interface RegistrarOptions {
  readonly store: FleetStore;
  readonly notify: Notify;
  readonly proofs: Proofs;
  readonly clock: Clock;
  readonly random: Random;
  readonly trackerKey: SigningKey;
  /** What this server speaks, where that is not what all do. */
  readonly house?: Partial<House>;
}

export interface Registrar {
  /** What a device must sign within two minutes; nothing is kept for it. */
  challenge(device: string): Uint8Array;
  /**
   * @param shown the certificates that the channel has proved: as good as those in the message, where they
   * are of the device's own key. Whoever else has shown them only carries its word.
   * @returns the receipt with the session's token. @throws {Problem}
   */
  register(signed: Uint8Array, shown?: readonly Uint8Array[]): Promise<Uint8Array>;
}

export const challengeMsMax = 120_000;
/** Registrations of one challenge's lifetime. */
const usedMax = 1_000_000;
/** Of a challenge: when it was made, and what tells it from another of the same moment. */
const timeBytes = 8;
const saltBytes = 8;
const secretBytes = 32;
const tokenBytes = 32;

export function createRegistrar(options: RegistrarOptions): Registrar {
  const { store, notify, proofs, clock, random, trackerKey } = options;
  const house = { ...thisHouse, ...options.house };
  const challenges = createChallenges(clock, random);
  const refusals = createRefusals(store, clock);
  const startSession = inTurns(async (batch: readonly NewSession[]) => {
    await store.startSessions(batch);
    return batch;
  });
  const admit = createAdmission({ store, notify, clock, refusals });

  async function register(signed: Uint8Array, shown?: readonly Uint8Array[]): Promise<Uint8Array> {
    const message = peekMessage(Registration, signed, 'registration');
    // The cheap check comes first; the challenge is used up only by who holds the key.
    const use = challenges.check(message.device, message.challenge);
    const key = translated('registration', () => publicKeyOf(message.key));
    await proven('registration', proofs.prove(signed, key.encoded));
    use();
    const { updateMode, terms, characteristics, starts } = message;
    const spoken = terms === undefined ? undefined : judgeTerms(terms, house);
    const device = await admit({ ...message, key }, { ...message, shown: ofKey(shown, key) });
    await requireRising(device, starts);
    const token = random.bytes(tokenBytes);
    const tokenHash = digest('sha-256', token);
    const statement = {
      ...(terms === undefined ? {} : { terms }),
      ...(characteristics === undefined ? {} : { characteristics }),
    };
    const session = { device: device.id, tokenHash, updateMode, statement, atMs: clock.wallMs() };
    await startSession({ ...session, ...(starts === undefined ? {} : { starts }) });
    notify.setSession(device.id, tokenHash, termsOf(message, statement));
    notify.seen(device.id);
    // A device that starts may run something else than before: it is asked (RFC 9019 §9).
    const told = { device: device.id, nonce: message.nonce, token, query: true };
    return sealReceipt(trackerKey, clock, { ...told, ...(spoken === undefined ? {} : { spoken }) });
  }

  /** The same flash twice, or put back to an older copy: nobody here can tell which is meant. */
  async function requireRising({ id, starts: before }: Speaker, starts: number | undefined): Promise<void> {
    if (starts === undefined || before === undefined || starts >= before) return;
    const because = `it says it has started ${starts} times, and had said ${before} before: a copy of it`;
    notify.withdrawFrom(id);
    await store.freeze([id], because, { actor: id, atMs: clock.wallMs() });
  }

  return { challenge: challenges.make, register };
}

/**
 * A time, a salt, and a MAC over them and the device: the tracker needs to remember only which ones were
 * used. The time is one that no clock that is set can take back: else what was used and forgotten would be
 * young again.
 */
function createChallenges(clock: Clock, random: Random) {
  const secret = random.bytes(secretBytes);
  const used = new Map<string, number>();

  const macOf = (device: string, head: Uint8Array): Uint8Array =>
    createHmac('sha256', secret).update(head).update(device).digest();

  function make(device: string): Uint8Array {
    const head = new Uint8Array(timeBytes + saltBytes);
    new DataView(head.buffer).setBigUint64(0, BigInt(Math.floor(clock.monotonicMs())));
    head.set(random.bytes(saltBytes), timeBytes);
    return new Uint8Array([...head, ...macOf(device, head)]);
  }

  /**
   * @returns what uses it up. @throws {Problem} where it is not ours, not this device's, too old, or was
   * used.
   */
  function check(device: string, challenge: Uint8Array): () => void {
    const head = challenge.subarray(0, timeBytes + saltBytes);
    const mac = challenge.subarray(timeBytes + saltBytes);
    const expected = macOf(device, head);
    if (mac.length !== expected.length || !timingSafeEqual(mac, expected)) throw stale('another');
    const nowMs = Math.floor(clock.monotonicMs());
    const madeMs = Number(new DataView(head.buffer, head.byteOffset).getBigUint64(0));
    if (nowMs - madeMs > challengeMsMax || madeMs > nowMs) throw stale(`one made ${nowMs - madeMs} ms ago`);
    const key = hex(mac);
    if (used.has(key)) throw stale('one that was used');
    forgetBefore(nowMs - challengeMsMax);
    if (used.size >= usedMax) {
      throw new Problem('too-many-requests', `expected fewer than ${usedMax} registrations at a time`);
    }
    return () => {
      // Proving took its time: the same message may have come twice at once.
      if (used.has(key)) throw stale('one that was used');
      used.set(key, nowMs);
    };
  }

  /** They stand in the order of their use. */
  function forgetBefore(ms: number): void {
    for (const [key, usedMs] of used) {
      if (usedMs >= ms) return;
      used.delete(key);
    }
  }

  return { make, check };
}

const stale = (found: string) =>
  new Problem('forbidden', `expected a challenge of the last ${challengeMsMax} ms, found ${found}`);
