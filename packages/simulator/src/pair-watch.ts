/** Watches two processors from outside: what each of them runs, and whether that belongs together. */

import type { Clock } from '@lapel/transport';
import type { Bus } from './bus.ts';
import type { Release } from './powercut-scenario.ts';

export interface PairWatch {
  /** Undefined while a half runs nothing. */
  readonly runs: { master: Release | undefined; peer: Release | undefined };
  releaseOf(digest: string): Release | undefined;
  /** To be called whenever something may have changed. */
  look(): void;
  /** The master has confirmed what it runs. */
  confirmed(): void;
  readonly violations: readonly string[];
  readonly mixedMs: number;
  /** What runs, for a person. */
  readonly told: string;
}

export function watchPair(releases: readonly Release[], clock: Clock, bus: Bus): PairWatch {
  const byDigest = new Map(releases.map((release) => [release.digest, release]));
  const runs: PairWatch['runs'] = { master: undefined, peer: undefined };
  const violations: string[] = [];
  let mixedSinceMs: number | undefined;
  let mixedMs = 0;
  const told = () => `${runs.master?.sequence ?? 'nothing'} and ${runs.peer?.sequence ?? 'nothing'}`;
  return {
    runs,
    violations,
    releaseOf: (digest) => byDigest.get(digest),
    look() {
      const now = clock.monotonicMs();
      const { upSinceMs } = bus;
      if (mixedSinceMs !== undefined && upSinceMs !== undefined) {
        mixedMs = Math.max(mixedMs, now - Math.max(mixedSinceMs, upSinceMs));
      }
      mixedSinceMs = isMixed(runs) ? (mixedSinceMs ?? now) : undefined;
    },
    confirmed() {
      if (isMixed(runs)) violations.push(`expected one release to be confirmed, found ${told()}`);
    },
    get mixedMs() {
      return mixedMs;
    },
    get told() {
      return told();
    },
  };
}

/** Of a release that has images for both, each half runs its own, or a later one in its place. */
function isMixed({ master, peer }: PairWatch['runs']): boolean {
  if (master === undefined || peer === undefined) return false;
  const [older, newer] = master.sequence < peer.sequence ? [master, peer] : [peer, master];
  return newer.sequence > older.sequence && newer.images.size > 1;
}
