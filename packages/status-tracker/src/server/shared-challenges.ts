/**
 * Challenges that whichever process of a fleet can check: their secrets, and which ones were used, are in
 * the store. In the place of a time stands the number of the secret, which is followed by another after a
 * while. No wall clock is asked, so none that is set can make a challenge young again, nor old; how old a
 * secret is each process knows by its own monotonic clock, and never too low.
 */
import type { Clock, Random } from '@lapel/transport';
import { Problem } from '@lapel/transport';
import type { ChallengeSecret, ChallengeStore, UsedChallenge } from './challenge-store.ts';
import type { Challenges } from './challenges.ts';
import {
  challengeAt,
  challengeMsMax,
  proven,
  secretBytes,
  stale,
  timeOf,
  tooMany,
  usedMax,
  wasUsed,
} from './challenges.ts';
import { inTurns } from './in-turns.ts';

export interface SharedChallenges extends Challenges {
  /**
   * Makes a secret at the start, for those of before are of an age that nobody here knows; then hears of what
   * others have made, so that it knows how old that is. Called now and then.
   */
  look(): Promise<void>;
}

export interface SharedChallengesOptions {
  readonly store: ChallengeStore;
  readonly clock: Clock;
  readonly random: Random;
}

/** A challenge is good for what is left of its secret's time: a minute and a half at least. */
const nextAfterMs = 30_000;
/** As long as another that has just started may refuse what was made here. */
const lookEveryMs = 2_000;
/** Who was outrun finds what outran it. */
const attemptsMax = 3;
/** Secrets of more than the time between two looks, whoever makes them. */
const aheadMax = 16;

interface Known extends ChallengeSecret {
  /** It was made then, or later. */
  readonly sinceMs: number;
  uses: number;
}

export function createSharedChallenges({ store, clock, random }: SharedChallengesOptions): SharedChallenges {
  let known: readonly Known[] = [];
  /** What is new is newer than the look of before; of the first look's, nobody here knows how old it is. */
  let lookedMs = -Infinity;
  let looking: Promise<void> | undefined;
  let following: Promise<Known> | undefined;

  const take = inTurns(async (batch: readonly UsedChallenge[]) => store.useChallenges(batch));
  const ageMs = ({ sinceMs }: Known): number => clock.monotonicMs() - sinceMs;
  const find = (number: number) => known.find((each) => each.number === number);

  async function readAgain(): Promise<void> {
    const startMs = clock.monotonicMs();
    const found = await store.challengeSecrets();
    const sinceMs = lookedMs;
    const last = found.at(-1)?.number ?? 0;
    known = [
      ...found.map((each) => find(each.number) ?? { ...each, sinceMs, uses: 0 }),
      // Added here meanwhile.
      ...known.filter(({ number }) => number > last),
    ];
    lookedMs = startMs;
  }

  /** One at a time, however many ask. */
  const read = async (): Promise<void> => (looking ??= readAgain().finally(() => (looking = undefined)));

  async function newest(): Promise<Known> {
    const last = known.at(-1);
    if (last !== undefined && ageMs(last) < nextAfterMs) return last;
    return (following ??= follow().finally(() => (following = undefined)));
  }

  async function follow(): Promise<Known> {
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      await read();
      const last = known.at(-1);
      if (last !== undefined && ageMs(last) < nextAfterMs) return last;
      const sinceMs = clock.monotonicMs();
      const next = { number: (last?.number ?? 0) + 1, secret: random.bytes(secretBytes) };
      // Where another was faster, what it made is newer than the look of just now.
      if (!(await store.addChallengeSecret(next))) continue;
      const made = { ...next, sinceMs, uses: 0 };
      known = [...known, made];
      return made;
    }
    throw new Problem(
      'unavailable',
      'expected a secret for challenges in the store, found it change: try again',
    );
  }

  /** Anybody may send any number: what can't have come since is not looked for. */
  async function secretOf(number: number): Promise<Known> {
    const last = known.at(-1)?.number ?? 0;
    if (find(number) === undefined && number > last && number <= last + aheadMax) await read();
    const found = find(number);
    if (found === undefined) throw stale('another');
    return found;
  }

  return {
    async make(device) {
      const { number, secret } = await newest();
      return challengeAt(number, { secret, device, random });
    },
    async check(device, challenge) {
      const secret = await secretOf(timeOf(challenge));
      const mac = proven(secret.secret, device, challenge);
      const age = ageMs(secret);
      if (age > challengeMsMax) throw stale(Number.isFinite(age) ? `one made ${age} ms ago` : 'an older one');
      if (secret.uses >= usedMax) throw tooMany();
      return async () => {
        secret.uses += 1;
        if (!(await take({ number: secret.number, mac }))) throw wasUsed();
      };
    },
    async look() {
      if (lookedMs === -Infinity) await newest();
      else if (clock.monotonicMs() - lookedMs >= lookEveryMs) await read();
    },
  };
}
