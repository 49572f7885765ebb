/**
 * Faults that somebody could make in journal, choice of slots, moves and confirmation: each as one change of
 * the device's source, with the scenarios that have to find it.
 */

export interface Mutant {
  readonly name: string;
  /** Under the device's `src`. */
  readonly file: string;
  /** Occurs there exactly once. */
  readonly find: string;
  readonly replace: string;
  readonly profile: string;
  /** Of the profile, in order; the first one where absent. */
  readonly scenarios?: readonly string[];
}

const inJournal: readonly Mutant[] = [
  {
    name: 'the region that counts is the one that is written anew',
    file: 'storage/journal.ts',
    find: 'const next = this.#active === this.#regions[0] ? this.#regions[1] : this.#regions[0];',
    replace: 'const next = this.#active;',
    profile: 'class1',
  },
  {
    name: 'a region has no higher number than the one before it',
    file: 'storage/journal.ts',
    find: 'const generation = (this.#generation + 1) >>> 0;',
    replace: 'const generation = this.#generation;',
    profile: 'class1',
  },
  {
    name: 'a region that reads blank is not erased before it is written',
    file: 'storage/journal.ts',
    find: 'eraseRegion(this.#flash, next);',
    replace: `if (this.#flash.read(next.address, next.bytes).some((byte) => byte !== 0xff))
      eraseRegion(this.#flash, next);`,
    profile: 'class1',
  },
  {
    name: 'records are appended behind a tail that may be there and not show',
    file: 'storage/journal.ts',
    find: '#isFresh = true;',
    replace: '#isFresh = false;',
    profile: 'class1',
  },
  {
    name: 'what was written last before a reset is acted upon',
    file: 'storage/journal.ts',
    find: "newest === base && newest?.placed.at(-1)?.record.name === 'settled'",
    replace: 'newest !== undefined',
    profile: 'class1',
  },
  {
    name: 'the older region is believed',
    file: 'storage/journal.ts',
    find: 'isNewer(a, b) ? 1 : -1',
    replace: 'isNewer(a, b) ? -1 : 1',
    profile: 'class1',
  },
  {
    name: 'no start says that the state was settled',
    file: 'storage/journal.ts',
    find: 'this.#program(settled);',
    replace: '',
    profile: 'class1',
  },
  {
    name: 'a copy of the state leaves its floors out',
    file: 'storage/snapshot.ts',
    find: 'of floors.values()',
    replace: 'of []',
    profile: 'class1',
  },
  {
    name: 'a copy of the state gives a trial all its attempts again',
    file: 'storage/snapshot.ts',
    find: 'attempts: state.attemptsLeft',
    replace: 'attempts: 3',
    profile: 'class1',
    scenarios: ['crash'],
  },
  {
    name: 'a copy of the state leaves out what is being moved',
    file: 'storage/snapshot.ts',
    find: "if (move !== undefined) found.push({ name: 'moving', ...move });",
    replace: '',
    profile: 'class1-swap',
  },
];

const inSlots: readonly Mutant[] = [
  {
    name: 'of two confirmed images the older one is booted',
    file: 'bootloader/select.ts',
    find: 'return state.sequenceNumber + (',
    replace: 'return -state.sequenceNumber + (',
    profile: 'class1',
    scenarios: ['update', 'third update, full journal'],
  },
  {
    name: 'an attempt is not counted',
    file: 'bootloader/boot.ts',
    find: "if (trial !== undefined) journal.append({ name: 'attempt', slot: trial.slot });",
    replace: '',
    profile: 'class1',
    scenarios: ['crash'],
  },
  {
    name: 'what does not verify is written off although nothing else does',
    file: 'bootloader/boot.ts',
    find: 'isWrittenOff: false })));',
    replace: 'isWrittenOff: false }))); for (const each of refused) writeOff(journal, each);',
    profile: 'class1',
  },
  {
    name: 'an image is written where something runs',
    file: 'storage/target.ts',
    find: 'component.slots.filter((slot) => slot !== own)',
    replace: 'component.slots.filter((slot) => slot === own)',
    profile: 'class1',
  },
  {
    name: 'an image that did not match is staged',
    file: 'storage/reception.ts',
    find: "journal.append({ name: 'unusable', slot, because: failure.error.reason });",
    replace: "journal.append({ name: 'staged', slot, imageBytes });",
    profile: 'class1',
    scenarios: ['wrong payload'],
  },
  {
    name: 'what shares the place of a new image counts as there still',
    file: 'storage/reception.ts',
    find: '...(ruins.length === 0 ? {} : { ruins }),',
    replace: '',
    profile: 'class1-delete-first',
  },
  {
    name: 'what an envelope is written over counts as there until the image comes',
    file: 'storage/reception.ts',
    find: 'of [slot, ...ruins].filter(isInPlace)',
    replace: 'of []',
    profile: 'class1-swap',
    scenarios: ['third update, full journal'],
  },
];

const inMoves: readonly Mutant[] = [
  {
    name: 'an image counts as moved before its last copy',
    file: 'bootloader/move.ts',
    find: 'if (copy !== undefined) copyUnit(flash, copy);',
    replace: `if (next + 1 === copies.length) journal.append({ name: 'moved', ...way });
    if (copy !== undefined) copyUnit(flash, copy);`,
    profile: 'class1-overwrite',
  },
  {
    name: 'a copy counts as made before it is',
    file: 'bootloader/move.ts',
    find: 'done: next + 1 });',
    replace: 'done: next + 2 });',
    profile: 'class1-swap',
  },
  {
    name: 'the new image is copied over the old one before that is kept',
    file: 'bootloader/move.ts',
    find: '[{ source: place, target: keeping }, incoming]',
    replace: '[incoming, { source: place, target: keeping }]',
    profile: 'class1-swap',
  },
  {
    name: 'the old image is not kept',
    file: 'bootloader/way-to-run.ts',
    find: 'isExchange ? { from: slot, to, kept } : { from: slot, to }',
    replace: '{ from: slot, to }',
    profile: 'class1-swap',
  },
];

const inConfirmation: readonly Mutant[] = [
  {
    name: 'a firmware is confirmed before its self-test',
    file: 'firmware-consumer/confirm.ts',
    find: 'const passed = await within(deadline, trial, selfTest);',
    replace: `const early = confirmation(
    journal.bootRecord, slot, trial.manifest.manifest.common.components ?? [],
  );
  if (early !== undefined) journal.append(early);
  const passed = await within(deadline, trial, selfTest);`,
    profile: 'class1',
    scenarios: ['failed self-test'],
  },
  {
    name: 'a floor rises with a trial',
    file: 'firmware-consumer/update.ts',
    find: "journal.append({ name: 'trial', slot: staged, attempts: trust.attempts });",
    replace: `const { sequenceNumber, common } = authentic.manifest;
  for (const component of common.components ?? [])
    journal.append({ name: 'floor', component, floor: [sequenceNumber, authentic.digest.bytes] });
  journal.append({ name: 'trial', slot: staged, attempts: trust.attempts });`,
    profile: 'class1',
    scenarios: ['failed self-test'],
  },
  {
    name: 'of an update of two images one is confirmed',
    file: 'firmware-consumer/confirm.ts',
    find: 'journal.append(record);',
    replace: 'journal.append({ ...record, images: record.images.slice(0, 1) });',
    profile: 'secure-normal',
  },
  {
    name: 'of an update of two images one is on trial',
    file: 'storage/boot-record.ts',
    find: 'isHeld(state) && compareBytes(state.digest, named.digest) === 0;',
    replace: 'isHeld(state) && state === named;',
    profile: 'secure-normal',
  },
];

export const mutants: readonly Mutant[] = [...inJournal, ...inSlots, ...inMoves, ...inConfirmation];
