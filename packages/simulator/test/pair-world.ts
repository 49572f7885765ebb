/** A factory for pairs of processors, and releases for both, for either, and of every age. */

import type { DualBus } from '@lapel/device';
import { dualBus } from '@lapel/device';
import type { PairLived, PairPlan } from '../src/pair-life.ts';
import type { Release } from '../src/powercut-scenario.ts';
import type { Wanted, Workshop } from '../src/powercut-workshop.ts';
import { workshop } from '../src/powercut-workshop.ts';

export interface PairWorld {
  readonly profiles: DualBus;
  readonly made: Workshop;
  readonly chips: PairPlan['chips'];
  /** What the factory has put there; a later one for both; later ones for one half alone. */
  readonly old: Release;
  readonly both: Release;
  readonly onlyMaster: Release;
  readonly onlyPeer: Release;
  /** Again for both. */
  readonly last: Release;
  readonly plan: Pick<PairPlan, 'profiles' | 'chips' | 'releases'>;
}

export async function pairWorld(seed = 1, imagePages = 6): Promise<PairWorld> {
  const profiles = dualBus({ imagePages });
  const made = workshop(seed);
  const [application, radio] = profiles.master.layout.components;
  const of = (bytes: number): Wanted => [application.identifier, bytes];
  const beside = (bytes: number): Wanted => [radio?.identifier ?? [], bytes];
  const old = await made.release(1, of(3001), beside(2003));
  const both = await made.release(2, of(4005), beside(3007));
  const onlyMaster = await made.release(3, of(2501));
  const onlyPeer = await made.release(4, beside(2207));
  const last = await made.release(5, of(3509), beside(3301));
  const chips = {
    master: made.device(profiles.master, [old]),
    peer: made.device(profiles.peer, [old]),
  };
  const releases = [old, both, onlyMaster, onlyPeer, last];
  return {
    profiles,
    made,
    chips,
    old,
    both,
    onlyMaster,
    onlyPeer,
    last,
    plan: { profiles, chips, releases },
  };
}

/** The sequence numbers that both run in the end. */
export const ends = ({ runs }: PairLived): string =>
  `${runs.master?.sequence ?? 'nothing'} and ${runs.peer?.sequence ?? 'nothing'}`;
