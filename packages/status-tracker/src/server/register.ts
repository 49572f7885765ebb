/**
 * A registration: a device proves over a fresh challenge that it holds its key, says how it wants to be
 * updated, and gets a session. Whether it is let in is decided in `enrolment/admit.ts`.
 */
import type { SigningKey } from '@lapel/cose';
import { digest, publicKeyOf } from '@lapel/cose';
import type { Clock, Random } from '@lapel/transport';
import { Registration } from '../protocol.ts';
import { createChallenges } from './challenges.ts';
import { createAdmission } from './enrolment/admit.ts';
import { ofKey } from './enrolment/certificate.ts';
import type { House } from './enrolment/judge-terms.ts';
import { judgeTerms, thisHouse } from './enrolment/judge-terms.ts';
import { createRefusals } from './enrolment/refusals.ts';
import { inTurns } from './in-turns.ts';
import type { Notify } from './notify.ts';
import { termsOf } from './session-terms.ts';
import type { Proofs } from './proofs.ts';
import { createSharedChallenges } from './shared-challenges.ts';
import { peekMessage, proven, sealReceipt, translated } from './sealed.ts';
import type { Speaker } from './fleet.ts';
import type { FleetStore } from './store.ts';

export interface RegistrarOptions {
  readonly store: FleetStore;
  readonly notify: Notify;
  readonly proofs: Proofs;
  readonly clock: Clock;
  readonly random: Random;
  readonly trackerKey: SigningKey;
  /** Other processes answer these devices, too. */
  readonly isShared: boolean;
  /** What this server speaks, where that is not what all do. */
  readonly house?: Partial<House>;
}

export interface Registrar {
  /** What a device must sign within two minutes; nothing is kept for it. */
  challenge(device: string): Promise<Uint8Array>;
  /**
   * @param shown the certificates that the channel has proved: as good as those in the message, where they
   * are of the device's own key. Whoever else has shown them only carries its word.
   * @returns the receipt with the session's token. @throws {Problem}
   */
  register(signed: Uint8Array, shown?: readonly Uint8Array[]): Promise<Uint8Array>;
  /** What is to be done now and then. */
  round(): Promise<void>;
}

const tokenBytes = 32;

export function createRegistrar(options: RegistrarOptions): Registrar {
  const { store, notify, proofs, clock, random, trackerKey } = options;
  const house = { ...thisHouse, ...options.house };
  const shared = options.isShared ? createSharedChallenges(options) : undefined;
  const challenges = shared ?? createChallenges(options);
  const refusals = createRefusals(store, clock);
  const startSession = inTurns(store.startSessions);
  const admit = createAdmission({ store, notify, clock, refusals });

  async function register(signed: Uint8Array, shown?: readonly Uint8Array[]): Promise<Uint8Array> {
    const message = peekMessage(Registration, signed, 'registration');
    // The cheap check comes first; the challenge is used up only by who holds the key.
    const use = await challenges.check(message.device, message.challenge);
    const key = translated('registration', () => publicKeyOf(message.key));
    await proven('registration', proofs.prove(signed, key.encoded));
    await use();
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
    const begun = await startSession({ ...session, ...(starts === undefined ? {} : { starts }) });
    if (!begun) await refusals.refuseRetired(device.id);
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
    await store.freeze([id], { because, actor: id, atMs: clock.wallMs(), isApart: true });
  }

  return { challenge: challenges.make, register, round: async () => shared?.look() };
}
