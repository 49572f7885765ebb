/**
 * Who belongs to the fleet. A device proves that it holds the key that an operator has registered it with;
 * one that nobody has registered waits for an operator's approval. A known id with another key is a clone
 * or a mistake: it is refused, and the refusal is kept for the operator to see.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { compareBytes, hex } from '@lapel/cbor';
import type { SigningKey, VerificationKey } from '@lapel/cose';
import { decodeVerificationKey, digest, encodeVerificationKey, openSigned } from '@lapel/cose';
import type { Clock, Random } from '@lapel/transport';
import { Problem } from '@lapel/transport';
import type { Registration as RegistrationMessage } from '../protocol.ts';
import { Registration } from '../protocol.ts';
import type { Notify } from './notify.ts';
import { peekMessage, sealReceipt, translated } from './sealed.ts';
import type { DeviceView } from './fleet.ts';
import type { FleetStore } from './store.ts';

export interface RegistrarOptions {
  readonly store: FleetStore;
  readonly notify: Notify;
  readonly clock: Clock;
  readonly random: Random;
  readonly trackerKey: SigningKey;
}

export interface Registrar {
  /** What a device must sign within two minutes; nothing is kept for it. */
  challenge(device: string): Uint8Array;
  /** @returns the receipt with the session's token. @throws {Problem} */
  register(signed: Uint8Array): Promise<Uint8Array>;
}

export const challengeMsMax = 120_000;
/** Devices that wait for approval; whoever invents devices can't fill the store with them. */
export const pendingMax = 1_000;
/** Registrations of one challenge's lifetime. */
const usedMax = 1_000_000;
/** Of a challenge: when it was made, and what tells it from another of the same moment. */
const timeBytes = 8;
const saltBytes = 8;
const secretBytes = 32;
const tokenBytes = 32;

export function createRegistrar(options: RegistrarOptions): Registrar {
  const { store, notify, clock, random, trackerKey } = options;
  const challenges = createChallenges(clock, random);

  async function register(signed: Uint8Array): Promise<Uint8Array> {
    const message = peekMessage(Registration, signed, 'registration');
    // The cheap check comes first; the challenge is used up only by who holds the key.
    const use = challenges.check(message.device, message.challenge);
    const key = translated('registration', () => decodeVerificationKey(message.key));
    translated('registration', () => openSigned(signed, [key]));
    use();
    const device = await admit(message, key);
    const token = random.bytes(tokenBytes);
    const tokenHash = digest('sha-256', token);
    const { updateMode, terms, characteristics } = message;
    const statement = {
      ...(terms === undefined ? {} : { terms }),
      ...(characteristics === undefined ? {} : { characteristics }),
    };
    await store.startSessions([
      { device: device.id, tokenHash, updateMode, statement, atMs: clock.wallMs() },
    ]);
    notify.setSession(device.id, tokenHash, { updateMode, mayOverride: terms?.mayOverride });
    notify.seen(device.id);
    // A device that starts may run something else than before: it is asked (RFC 9019 §9).
    return sealReceipt(trackerKey, clock, { device: device.id, nonce: message.nonce, token, query: true });
  }

  async function admit(message: RegistrationMessage, key: VerificationKey): Promise<DeviceView> {
    const known = await store.device(message.device);
    if (known === undefined) return addPending(message, key);
    if (compareBytes(known.publicKey, encodeVerificationKey(key)) !== 0) {
      return refuse(known.id, 'the key that this id is registered with', `key ${hex(key.kid)}`);
    }
    if (compareBytes(known.vendor, message.vendor) !== 0) {
      return refuse(known.id, `vendor ${hex(known.vendor)}`, hex(message.vendor));
    }
    if (compareBytes(known.class, message.class) !== 0) {
      return refuse(known.id, `class ${hex(known.class)}`, hex(message.class));
    }
    return known;
  }

  async function addPending(message: RegistrationMessage, key: VerificationKey): Promise<DeviceView> {
    const pending = await store.countDevices('pending');
    if (pending >= pendingMax) {
      throw new Problem(
        'too-many-requests',
        `expected fewer than ${pendingMax} devices that wait for approval`,
      );
    }
    const { device: id, vendor, class: product } = message;
    const publicKey = encodeVerificationKey(key);
    const device = { id, publicKey, kid: key.kid, vendor, class: product, approval: 'pending' } as const;
    const [added] = await store.addDevices([device], { actor: id, atMs: clock.wallMs() });
    if (added === 'key-in-use')
      return refuse(id, 'a key of its own', `key ${hex(key.kid)}, which another id has`);
    if (added === 'other-key')
      return refuse(id, 'the key that this id is registered with', `key ${hex(key.kid)}`);
    const view = await store.device(id);
    if (view === undefined) throw new Problem('not-found', `expected device ${id}, found none`);
    return view;
  }

  async function refuse(device: string, expected: string, found: string): Promise<never> {
    const detail = `expected ${expected}, found ${found}`;
    const atMs = clock.wallMs();
    await store.appendAudit([{ actor: device, atMs, act: 'registration refused', subject: device, detail }]);
    throw new Problem('conflict', detail);
  }

  return { challenge: challenges.make, register };
}

/**
 * A time, a salt, and a MAC over them and the device: the tracker needs to remember only which ones were
 * used.
 */
function createChallenges(clock: Clock, random: Random) {
  const secret = random.bytes(secretBytes);
  const used = new Map<string, number>();

  const macOf = (device: string, head: Uint8Array): Uint8Array =>
    createHmac('sha256', secret).update(head).update(device).digest();

  function make(device: string): Uint8Array {
    const head = new Uint8Array(timeBytes + saltBytes);
    new DataView(head.buffer).setBigUint64(0, BigInt(clock.wallMs()));
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
    const nowMs = clock.wallMs();
    const madeMs = Number(new DataView(head.buffer, head.byteOffset).getBigUint64(0));
    if (nowMs - madeMs > challengeMsMax || madeMs > nowMs) throw stale(`one made ${nowMs - madeMs} ms ago`);
    const key = hex(mac);
    if (used.has(key)) throw stale('one that was used');
    forgetBefore(nowMs - challengeMsMax);
    if (used.size >= usedMax) {
      throw new Problem('too-many-requests', `expected fewer than ${usedMax} registrations at a time`);
    }
    return () => void used.set(key, nowMs);
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
