/**
 * What a person sees of the rollout: one line that moves on a terminal, a line for each change of the count
 * elsewhere.
 */

import type { MemberStatus } from '@lapel/status-tracker';
import { memberStatuses } from '@lapel/status-tracker';
import type { House } from '../serve/house.ts';
import type { Terminal } from '../terminal.ts';
import { progressLine } from '../terminal.ts';

const membersMax = 1000;

/** Where the campaign's devices stand. */
export type Standings = ReadonlyMap<MemberStatus, number>;

export async function standings({ store }: House, campaign: string): Promise<Standings> {
  const counts = new Map<MemberStatus, number>();
  for (const { status } of await store.members(campaign, undefined, { limit: membersMax })) {
    counts.set(status, (counts.get(status) ?? 0) + 1);
  }
  return counts;
}

export const total = (counts: Standings): number =>
  [...counts.values()].reduce((sum, count) => sum + count, 0);

/** Draws the standings; `last` is what was drawn before, and the result what is drawn now. */
export function draw(terminal: Terminal, counts: Standings, last: string): string {
  const confirmed = counts.get('confirmed') ?? 0;
  const all = total(counts);
  const others = memberStatuses
    .filter((status) => status !== 'confirmed' && (counts.get(status) ?? 0) > 0)
    .map((status) => `${counts.get(status) ?? 0} ${status}`);
  const text = [`${confirmed} of ${all} confirmed`, ...others].join(', ');
  if (text === last) return last;
  if (terminal.moving) terminal.move(progressLine(all === 0 ? 0 : confirmed / all, text));
  else terminal.note(text);
  return text;
}
