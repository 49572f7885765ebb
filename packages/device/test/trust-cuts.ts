/** Lives in which the power goes while a trust store takes the place of another, and what must hold then. */

import assert from 'node:assert/strict';
import type { Provision } from '@lapel/device';
import { Journal, boot, readTrustStore } from '@lapel/device';
import type { Carried, Cut, NorFlash, Torn } from '@lapel/simulator';
import { norFlash } from '@lapel/simulator';
import { changeTrustStore, settleTrustStore } from '../src/trust-change.ts';
import { followed } from '../src/trust-order.ts';
import { openProvision, readSound } from '../src/trust-store.ts';
import { maker, newKey, trustOrder } from './trusting.ts';

const { layout } = maker.profile;
const { geometry, trustStore, journal } = layout;

/** As a device would have it after a succession, and after another one. */
export const [next, last] = generations();

function generations(): readonly [Provision, Provision] {
  const [heir, third] = [newKey(), newKey()];
  const step = (before: Provision, number: number, by: typeof heir, key: typeof heir) => {
    const sealed = trustOrder({ number, by, changes: [{ key, succeeds: true }] });
    const content = followed(sealed, openProvision(before));
    assert.ok(content !== undefined);
    return content;
  };
  const second = step(maker.provision, 1, maker.author, heir);
  return [second, step(second, 2, heir, third)];
}

export interface Chip {
  readonly content: Uint8Array;
  readonly carried?: Carried;
}

export const chip = (flash: NorFlash): Chip => ({ content: flash.dump(), carried: flash.carried() });
export const begun = (of: Chip, cut?: Cut): NorFlash => norFlash({ geometry, ...of, ...(cut && { cut }) });

export const numberOf = (content: Provision | undefined): number =>
  content === undefined ? -1 : (content.order?.[0] ?? 0);

/** What a start finds, once it has finished what was begun. */
export function started(flash: NorFlash): { readonly number: number; readonly journal: Journal } {
  assert.ok(readTrustStore(flash, trustStore) !== undefined, 'some copy is sound at each instant');
  const own = Journal.open(flash, journal);
  const store = settleTrustStore(flash, layout, own);
  assert.ok(store !== undefined);
  return { number: numberOf(store.content), journal: own };
}

/** A start, and then the change. */
export function changed(flash: NorFlash, to: Provision): void {
  const { journal: own } = started(flash);
  if (numberOf(readTrustStore(flash, trustStore)?.content) === numberOf(to)) return;
  changeTrustStore(flash, layout, own, to);
}

/** The chip after a life in which the power went there; undefined where the life was over before. */
export function cutAt(of: Chip, to: Provision, operation: number, torn: Torn): Chip | undefined {
  const flash = begun(of, { operation, torn });
  try {
    changed(flash, to);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof Error && error.name === 'PowerCut', String(error));
    return chip(flash);
  }
}

/** One of each kind. */
export const briefTears = (seed: number): readonly Torn[] => [
  { kind: 'before' },
  { kind: 'bits', seed },
  { kind: 'metastable', seed },
  { kind: 'ecc', seed },
];

/** Also at the edges of what is written. */
export const tears = (seed: number): readonly Torn[] => [
  { kind: 'before' },
  { kind: 'prefix', granules: 3 },
  { kind: 'prefix', granules: 10_000 },
  ...(['bits', 'metastable', 'ecc'] as const).flatMap((kind) => [
    { kind, seed },
    { kind, seed: seed + 1, granules: 0 },
    { kind, seed: seed + 2, granules: 10_000 },
  ]),
];

/** Holds in each life from now on: one store, the same at each start, in both copies. */
export function requireOne(of: Chip, before: number, to: Provision, told: string): void {
  let held = of;
  let first: number | undefined;
  for (let start = 0; start < 3; start++) {
    const flash = begun(held);
    const { number } = started(flash);
    assert.ok(number === before || number === numberOf(to), `${told}: found store ${number}`);
    assert.equal(number, (first ??= number), `${told}: another store at start ${start}`);
    for (const copy of trustStore) assert.equal(numberOf(readSound(flash, copy)), number, told);
    held = chip(flash);
  }
  assert.equal(boot(begun(held), maker.profile).boot, 'slot', told);
  const flash = begun(held);
  changed(flash, to);
  assert.equal(started(begun(chip(flash))).number, numberOf(to), told);
}
