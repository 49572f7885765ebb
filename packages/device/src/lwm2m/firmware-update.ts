/**
 * The Firmware Update object as it is now: the machine, what its server has set, and which package is wanted.
 * Every change is in the journal before anybody is told of it.
 */

import type { Clock } from '@lapel/transport';
import { Problem } from '@lapel/transport';
import { event as happening } from '../event.ts';
import type { Profile } from '../profile.ts';
import type { Flash } from '../storage/flash.ts';
import { readable } from '../storage/flash.ts';
import type { Journal } from '../storage/journal.ts';
import { slotAt } from '../storage/layout.ts';
import type { Event, Machine } from './machine.ts';
import { statesFor, step } from './machine.ts';
import type { Settings } from './recall.ts';
import { discardable, isSameRecord, recall, recordOf, storedIn } from './recall.ts';

export interface FirmwareUpdateOptions {
  readonly journal: Journal;
  readonly flash: Flash;
  readonly profile: Profile;
  readonly isRecovery: boolean;
  readonly clock: Clock;
}

/** A package that the server has named or sent, from then on until the machine is idle again. */
export interface Wanted {
  readonly uri?: string | undefined;
  /** Absent while it is on its way. */
  readonly envelope?: Uint8Array | undefined;
  /** Fires when it is no longer wanted. */
  readonly signal: AbortSignal;
}

export interface FirmwareUpdate {
  readonly machine: Machine;
  readonly settings: Settings;
  readonly wanted: Wanted | undefined;
  /** Of the wall clock, where it is trusted and something has changed since the start. */
  readonly changedMs: number | undefined;
  /** @throws {Problem} `method-not-allowed` where that must not happen now; then nothing has changed. */
  take(event: Event, settings?: Partial<Settings>): void;
  set(settings: Partial<Settings>): void;
  /** Begins with a package: one that is at a URI, or one that is being sent. @throws {Problem} */
  begin(uri?: string): AbortSignal;
  arrived(envelope: Uint8Array): void;
  /** A trial may have ended: the journal knows. */
  settle(): void;
  /** Nothing is being installed: what was cancelled is removed. */
  removeCancelled(): void;
  /** Resolves at the next change. */
  changes(signal: AbortSignal): Promise<void>;
}

/** The server has thought better of it. */
const noLongerWanted = () => new Error('the package is no longer wanted');

export function createFirmwareUpdate(options: FirmwareUpdateOptions): FirmwareUpdate {
  const { journal, isRecovery, clock } = options;
  const told = happening();
  let machine = recall(journal.bootRecord, isRecovery);
  let settings = settingsIn(journal);
  let stop = new AbortController();
  let wanted = machine.state === 'idle' ? undefined : recalled(options, stop.signal);
  let cancelled: Uint8Array | undefined;
  let changedMs: number | undefined;

  function become(next: Machine, change: Partial<Settings> = {}): void {
    settings = { ...settings, ...change };
    if (next.state === 'idle') {
      const { digest: _, packageUri: __, ...rest } = settings;
      settings = rest;
    }
    const before = journal.bootRecord.managed;
    const record = recordOf(next, settings);
    if (before === undefined || !isSameRecord(before, record)) journal.append(record);
    if (next.state !== machine.state && clock.wallIsTrusted) changedMs = clock.wallMs();
    machine = next;
    if (next.state === 'idle') {
      wanted = undefined;
      stop.abort(noLongerWanted());
    }
    told.happen();
  }

  const take: FirmwareUpdate['take'] = (event, change) => {
    const next = step(machine, event);
    if (next === undefined) throw notNow(event, machine);
    if (event.name === 'cancel' || event.name === 'reset') cancelled = settings.digest ?? cancelled;
    become(next, change);
  };

  // What the journal knew better.
  if (journal.bootRecord.managed !== undefined) become(machine);

  return {
    get machine() {
      return machine;
    },
    get settings() {
      return settings;
    },
    get wanted() {
      return wanted;
    },
    get changedMs() {
      return changedMs;
    },
    take,
    set: (change) => become(machine, change),
    begin(uri) {
      take(
        { name: uri === undefined ? 'package' : 'package-uri' },
        uri === undefined ? {} : { packageUri: uri },
      );
      stop = new AbortController();
      wanted = { uri, signal: stop.signal };
      return stop.signal;
    },
    arrived(envelope) {
      if (wanted !== undefined) wanted = { ...wanted, envelope };
      told.happen();
    },
    settle() {
      // Of a package that is being sent the journal knows nothing.
      if (machine.state === 'updating') become(recall(journal.bootRecord, isRecovery));
    },
    removeCancelled() {
      if (cancelled === undefined) return;
      for (const slot of discardable(journal.bootRecord, cancelled))
        journal.append({ name: 'unusable', slot, because: 'cancelled' });
      cancelled = undefined;
    },
    changes: told.happens,
  };
}

function settingsIn({ bootRecord: { managed } }: Journal): Settings {
  if (managed === undefined) return {};
  const { name: _, state: __, result: ___, ...settings } = managed;
  return settings;
}

/** What was wanted before the restart: its envelope lies in flash, or its URI is known. */
function recalled({ journal, flash, profile }: FirmwareUpdateOptions, signal: AbortSignal): Wanted {
  const uri = journal.bootRecord.managed?.packageUri;
  const stored = storedIn(journal.bootRecord);
  if (stored === undefined) return { uri, signal };
  const place = slotAt(profile.layout, stored.slot);
  return { uri, envelope: readable(flash, place.envelope.address, stored.envelopeBytes), signal };
}

function notNow({ name }: Event, { state }: Machine): Problem {
  const allowed = statesFor(name).join(' or ');
  return new Problem('method-not-allowed', `expected ${name} in the state ${allowed}, found ${state}`);
}
