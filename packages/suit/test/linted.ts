/** Manifests with which nothing is wrong, to break. */

import type { Command } from '@lapel/suit';
import type { Forgery } from './forge.ts';
import { at, compatible, component, fetch, forge, imageOf, match, set } from './forge.ts';

export const image = new TextEncoder().encode('an image');
export const named = imageOf(image);
export const uri = 'coaps://lapel.example/image';
export const shared: readonly Command[] = [...compatible, set({ ...named, updatePriority: 0 })];
export const install: readonly Command[] = [set({ uri }), fetch, match];
export const validate: readonly Command[] = [match];

/** Nothing is wrong with it. */
export const honest: Forgery = { sequenceNumber: 1_700_000_000, shared, sections: { install, validate } };
export const forged = (other: Forgery) => forge({ ...honest, ...other });
export const installing = (...commands: readonly Command[]) =>
  forged({ sections: { install: [...commands, ...install], validate } });

/** Two components: what is fetched into the second is copied to the first. */
const two = [component(0), component(1)];
export const pair = (forgery: Forgery) =>
  forged({ components: two, shared: [at(0), ...shared, at(1), set(named)], ...forgery });
