/** State changes as they happen, for those who watch; nothing is kept for later. */
import { Problem } from '@lapel/transport';
import type { BarredNews } from './barred.ts';
import type { CampaignView } from './campaign.ts';
import type { Change } from './fleet.ts';

export interface StateChange {
  readonly atMs: number;
  readonly kind: 'device' | 'campaign';
  readonly id: string;
  readonly state: string;
  readonly campaign?: string;
  readonly because?: string;
}

export const deviceChange = ({ device: id, campaign, to: state, atMs, because }: Change): StateChange => ({
  ...{ atMs, kind: 'device', id, state, campaign },
  ...(because === undefined ? {} : { because }),
});

export const campaignChange = ({ id, state, because }: CampaignView, atMs: number): StateChange => ({
  ...{ atMs, kind: 'campaign', id, state },
  ...(because === undefined ? {} : { because }),
});

export const barredChange = ({ kind: state, device: id, because, atMs }: BarredNews): StateChange => ({
  ...{ atMs, kind: 'device', id, state, because },
});

export interface Watch {
  tell(change: StateChange): void;
  /** @returns what ends it. @throws {Problem} where too many watch already. */
  follow(take: (change: StateChange) => void): () => void;
}

export const watchersMax = 100;

export function createWatch(): Watch {
  const watchers = new Set<(change: StateChange) => void>();
  return {
    tell(change) {
      for (const take of watchers) take(change);
    },
    follow(take) {
      if (watchers.size >= watchersMax) {
        throw new Problem('too-many-requests', `expected fewer than ${watchersMax} watchers, found as many`);
      }
      watchers.add(take);
      return () => void watchers.delete(take);
    },
  };
}
