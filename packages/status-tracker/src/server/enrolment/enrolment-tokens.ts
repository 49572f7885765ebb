/**
 * Tokens that let devices in which have no certificate: 256 random bits, of which the first 64 find the token
 * and the rest are its secret. Only a hash is kept.
 */
import { compareBytes, hex } from '@lapel/cbor';
import { digest, equalInConstantTime } from '@lapel/cose';
import { uuidText } from '@lapel/suit';
import type { Clock, Random } from '@lapel/transport';
import { Problem } from '@lapel/transport';
import type { Admission } from '../fleet.ts';
import type { EnrolmentStore, EnrolmentToken } from './enrolment-store.ts';
import { hasUse } from './enrolment-store.ts';
import type { Applicant } from './manufacturer-chain.ts';

const tokenBytes = 32;
const idBytes = 8;

/** Wrong secrets for one token in one minute; beyond, not even the right one is looked at. */
export const guessesMax = 10;
const guessMs = 60_000;

export type NewToken = Pick<EnrolmentToken, 'id' | 'hash'> & { readonly token: Uint8Array };

export function newEnrolmentToken(random: Random): NewToken {
  const token = random.bytes(tokenBytes);
  return { token, id: token.slice(0, idBytes), hash: digest('sha-256', token) };
}

export type CheckToken = (
  token: Uint8Array,
  applicant: Applicant,
) => Promise<Extract<Admission, { by: 'token' }>>;

/** What it looks up it does not spend: that is the store's, together with the device. */
export function createTokenCheck(store: Pick<EnrolmentStore, 'enrolmentToken'>, clock: Clock): CheckToken {
  /** Only of tokens that there are: as few as those. */
  const guesses = new Map<string, { readonly sinceMs: number; readonly count: number }>();

  function countGuess(id: string): void {
    const before = guesses.get(id);
    const isOver = before === undefined || clock.monotonicMs() - before.sinceMs >= guessMs;
    const next = isOver ? { sinceMs: clock.monotonicMs(), count: 1 } : { ...before, count: before.count + 1 };
    guesses.set(id, next);
  }

  function requireGuess(id: string): void {
    const { sinceMs, count } = guesses.get(id) ?? { sinceMs: 0, count: 0 };
    if (count < guessesMax || clock.monotonicMs() - sinceMs >= guessMs) return;
    throw new Problem(
      'too-many-requests',
      `expected at most ${guessesMax} wrong tokens a minute, found more`,
    );
  }

  return async (token, { vendor, class: product }) => {
    const kept = await store.enrolmentToken(token.slice(0, idBytes));
    if (kept === undefined) throw unknownToken();
    const id = hex(kept.id);
    requireGuess(id);
    if (!equalInConstantTime(digest('sha-256', token), kept.hash)) {
      countGuess(id);
      throw unknownToken();
    }
    const isMeant = compareBytes(kept.vendor, vendor) === 0 && compareBytes(kept.class, product) === 0;
    if (!isMeant) {
      const [expected, found] = [kept, { vendor, class: product }].map(kindText);
      throw new Problem('forbidden', `enrolment token: expected a device of ${expected}, found ${found}`);
    }
    if (!hasUse(kept, clock.wallMs())) throw spentToken(kept);
    return { by: 'token', name: kept.name };
  };
}

const kindText = (of: Pick<Applicant, 'vendor' | 'class'>): string =>
  `vendor ${uuidText(of.vendor)}, class ${uuidText(of.class)}`;

/** The same for a token that there is not and for a secret that is wrong: who guesses learns nothing. */
const unknownToken = () =>
  new Problem('forbidden', 'enrolment token: expected one that is valid here, found another');

const spentToken = ({ uses, used, expiresMs }: EnrolmentToken) => {
  const [expected, found] =
    used >= uses
      ? ['with a use left', `all ${uses} used`]
      : ['that is valid', `one that expired at ${new Date(expiresMs).toISOString()}`];
  return new Problem('forbidden', `enrolment token: expected one ${expected}, found ${found}`);
};
