/**
 * How long a restart takes a device away: it resets, proves what it boots, and moves what must be moved.
 * Figures of a profile, for a notice before the restart; what it took is measured after it.
 */

import { copiesOf } from './bootloader/move.ts';
import { select } from './bootloader/select.ts';
import { wayToRun } from './bootloader/way-to-run.ts';
import type { Profile, Timing } from './profile.ts';
import type { BootRecord } from './storage/boot-record.ts';
import type { Region } from './storage/flash.ts';
import { slotAt } from './storage/layout.ts';
import { mapSlots } from './storage/slot-state.ts';

/**
 * Until a recovery application has installed what was handed over to it, and the result has started: at
 * least, for how long the download takes nobody knows.
 */
export function handoverDowntimeMs(profile: Profile, record: BootRecord): number {
  const { layout, timing } = profile;
  const pinned = layout.components.filter(
    ({ scheme, role }) => scheme === 'delete-first' && role === 'start',
  );
  const places = pinned.flatMap(({ slots: [slot = 0] }) => slotAt(layout, slot).image);
  const writtenMs = places.reduce((sum, image) => sum + copyMs(image, timing), 0);
  return Math.round(2 * expectedDowntimeMs(profile, record) + writtenMs);
}

/** Of the next restart, where what is staged is booted. */
export function expectedDowntimeMs({ layout, timing }: Profile, record: BootRecord): number {
  const { slots } = record;
  const staged = mapSlots(slots, (state) =>
    state.state === 'staged' ? { ...state, state: 'trial' as const, attemptsLeft: 1 } : state,
  );
  const parts = select({ ...record, slots: staged }, layout) ?? [];
  const hashed = parts.reduce((sum, { state }) => sum + state.imageBytes, 0);
  const moves = parts.flatMap((part) => wayToRun(part, { ...record, slots: staged }) ?? []);
  const copies = moves.flatMap((way) => copiesOf(layout, way));
  const moved = copies.reduce((sum, { target }) => sum + copyMs(target, timing), 0);
  const proofs = moves.length > 0 ? 2 : 1;
  const provedMs = timing.signatureMs + (hashed / 1024) * timing.hashMsPerKiB;
  return Math.round(timing.resetMs + proofs * provedMs + moved);
}

const copyMs = ({ bytes, pageBytes }: Region, { eraseMsPerPage, programMsPerKiB }: Timing): number =>
  (bytes / pageBytes) * eraseMsPerPage + (bytes / 1024) * programMsPerKiB;
