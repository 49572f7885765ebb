/**
 * Secrets under which challenges are made, as stores keep them for the processes that share a fleet, and
 * which of the challenges were used.
 */

export interface ChallengeSecret {
  /** Rises by one with each. */
  readonly number: number;
  readonly secret: Uint8Array;
}

export interface ChallengeStore {
  /** Those that are kept, in the order of their numbers. */
  challengeSecrets(): Promise<readonly ChallengeSecret[]>;
  /**
   * The oldest ones go, and with each what was used under it.
   * @returns false where there is one of that number or a higher one: another was faster.
   */
  addChallengeSecret(next: ChallengeSecret): Promise<boolean>;
  /** @returns of each, false where it was used, by whatever process, or its secret is gone. */
  useChallenges(batch: readonly UsedChallenge[]): Promise<readonly boolean[]>;
}

export interface UsedChallenge {
  /** Of the secret that it was made under. */
  readonly number: number;
  readonly mac: Uint8Array;
}

/**
 * One comes about every half a minute, and is good for two; who is late to hear of one brings the next
 * sooner. One that goes early costs devices another challenge.
 */
const keptMax = 16;

/** Below it, all go. */
export const firstKept = ({ number }: Pick<ChallengeSecret, 'number'>): number => number - keptMax + 1;
