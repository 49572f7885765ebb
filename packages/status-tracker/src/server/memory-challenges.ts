/** Secrets of challenges, and which were used, in memory. */
import { hex } from '@lapel/cbor';
import type { ChallengeStore } from './challenge-store.ts';
import { firstKept } from './challenge-store.ts';

export function memoryChallenges(): ChallengeStore {
  const kept = new Map<number, { readonly secret: Uint8Array; readonly used: Set<string> }>();
  return {
    challengeSecrets: async () => [...kept].map(([number, { secret }]) => ({ number, secret })),
    async addChallengeSecret({ number, secret }) {
      if (Math.max(0, ...kept.keys()) >= number) return false;
      kept.set(number, { secret, used: new Set() });
      for (const old of kept.keys()) if (old < firstKept({ number })) kept.delete(old);
      return true;
    },
    useChallenges: async (batch) =>
      batch.map(({ number, mac }) => {
        const used = kept.get(number)?.used;
        return used !== undefined && used.size < used.add(hex(mac)).size;
      }),
  };
}
