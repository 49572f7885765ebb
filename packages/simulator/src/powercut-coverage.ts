/**
 * Which changes of a slot's state were seen to happen, of those that a layout has. A proof that never comes
 * through an arrow says nothing about it.
 */

import type { Flash, Profile, Region } from '@lapel/device';
import { readStates } from './flash-reader.ts';

/** Changes of one slot's state, as `before>after`. */
const always = [
  'empty>receiving',
  'unusable>receiving',
  'receiving>staged',
  'receiving>unusable',
  'staged>trial',
  'trial>confirmed',
  'trial>unusable',
] as const;

/** What a layout adds: where the old image makes room, or another one's place. */
const byScheme: Readonly<Record<string, readonly string[]>> = {
  'two-slots': [...always, 'confirmed>unusable'],
  overwrite: [...always, 'trial>empty', 'confirmed>trial'],
  swap: [
    ...always,
    'trial>empty',
    'empty>confirmed',
    'confirmed>trial',
    'confirmed>unusable',
    'unusable>confirmed',
  ],
  'delete-first': [...always, 'confirmed>empty'],
};

export class Coverage {
  readonly #wanted = new Set<string>();
  readonly #seen = new Set<string>();

  /** The arrows of a profile's layouts are wanted from here on. */
  want({ layout }: Profile): void {
    for (const { scheme } of layout.components) {
      for (const arrow of byScheme[scheme] ?? []) this.#wanted.add(`${scheme} ${arrow}`);
    }
  }

  /** Looks at the journal after each program of it. */
  watching(flash: Flash, { layout }: Profile): Flash {
    const schemes = layout.slots.map(
      (_, slot) => layout.components.find(({ slots }) => slots.includes(slot))?.scheme,
    );
    const inJournal = (address: number) => layout.journal.some((region) => isInside(address, region));
    let before = states(flash, layout);
    return {
      geometry: flash.geometry,
      read: (address, length) => flash.read(address, length),
      erase: (address) => flash.erase(address),
      program: (address, bytes) => {
        flash.program(address, bytes);
        if (!inJournal(address)) return;
        const after = states(flash, layout);
        after.forEach((state, slot) => {
          if (state !== before[slot]) this.#seen.add(`${schemes[slot]} ${before[slot]}>${state}`);
        });
        before = after;
      },
    };
  }

  get missing(): readonly string[] {
    return [...this.#wanted].filter((arrow) => !this.#seen.has(arrow));
  }

  get total(): number {
    return this.#wanted.size;
  }

  get reached(): number {
    return this.#wanted.size - this.missing.length;
  }
}

const states = (flash: Flash, layout: Profile['layout']): readonly string[] =>
  readStates((address, length) => flash.read(address, length), layout);

const isInside = (address: number, region: Region): boolean =>
  address >= region.address && address < region.address + region.bytes;
