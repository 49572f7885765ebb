/**
 * News: what one tracker has written that the memory of the others must follow. It is a hint where to look;
 * what is served is read from the store.
 */
import type { BarredNews } from './barred.ts';
import type { Change } from './fleet.ts';

export type News =
  | { readonly kind: 'session'; readonly device: string }
  | { readonly kind: 'change'; readonly change: Change }
  | { readonly kind: 'campaign'; readonly id: string; readonly atMs: number }
  | { readonly kind: 'tokens' }
  /** It waited for approval, and does not any more. */
  | { readonly kind: 'forgotten'; readonly device: string }
  /** An operator has told which release of a class is the newest. */
  | { readonly kind: 'newest' }
  /** It is offered nothing any more; one that is retired has no session either. */
  | BarredNews
  /** Some may have been missed: everything is to be read again. */
  | { readonly kind: 'missed' };

export interface NewsStore {
  /** What other processes write from now on; nothing where there are none. @returns what ends it. */
  follow(take: (news: readonly News[]) => void): Promise<() => Promise<void>>;
}

export const noNews: NewsStore = { follow: async () => async () => undefined };

export const changeNews = (changes: readonly Change[]): readonly News[] =>
  changes.map((change) => ({ kind: 'change', change }));
