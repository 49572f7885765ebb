/**
 * A server of LwM2M as where updates come from. It says what to install and when; what it hands over is
 * proved as an update from anywhere, by the agent, and what becomes of it the machine tells.
 */

import type { Clock } from '@lapel/transport';
import { untilIdle } from '../firmware-consumer/consent.ts';
import type { Journal } from '../storage/journal.ts';
import type { Candidate, Consent, Permission, UpdateSource, Waiting } from '../update-source.ts';
import type { FirmwareUpdate, Wanted } from './firmware-update.ts';
import { resultOf } from './result-of.ts';

export interface FirmwareSourceOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  /** What references of a package are resolved against that was sent, and not fetched. */
  readonly base: string;
}

export function firmwareSource(update: FirmwareUpdate, options: FirmwareSourceOptions): UpdateSource {
  const { journal, base, clock } = options;
  let deferredMs: number | undefined;

  /** How long the application may still ask for a better time; undefined, where nobody has set an end. */
  function deferLeftMs(): number | undefined {
    const { deferSecondsMax } = update.settings;
    if (deferSecondsMax === undefined) return undefined;
    const since = deferredMs === undefined ? 0 : clock.monotonicMs() - deferredMs;
    return Math.max(0, deferSecondsMax * 1000 - since);
  }

  /** Update has been executed: at once, or where the service is busy, when it no longer is. */
  async function whenIdle(waiting: Waiting): Promise<Permission> {
    const mayDefer = () => deferLeftMs() !== 0;
    if (!mayDefer()) return 'obey';
    if (await waiting.isIdle()) return 'go';
    defer();
    return untilIdle(waiting, async () => (mayDefer() ? undefined : 'obey'));
  }

  function defer(): void {
    deferredMs ??= clock.monotonicMs();
    if (update.machine.state === 'downloaded') update.take({ name: 'deferred' });
  }

  /** A recovery application is not kept waiting: there, nobody has asked for consent. */
  function begin(digest: Uint8Array): void {
    if (update.machine.state === 'updating') return;
    if (update.machine.state === 'downloading') update.take({ name: 'downloaded' });
    if (!update.machine.isAccepted) update.take({ name: 'update' });
    update.take({ name: 'updating' }, { digest });
  }

  const consentTo = ({ signal }: Wanted): Consent => ({
    beforeFetch: async () => (signal.aborted ? 'withdrawn' : 'go'),
    async beforeInstall(waiting) {
      if (signal.aborted) return 'withdrawn';
      if (update.machine.state === 'downloading') {
        deferredMs = undefined;
        update.take({ name: 'downloaded' });
        if (update.settings.isAutomatic === true) update.take({ name: 'update' });
      }
      while (update.machine.state === 'downloaded' && !update.machine.isAccepted) {
        await update.changes(waiting.signal);
      }
      // It had begun before a restart.
      return update.machine.state === 'updating' ? 'obey' : whenIdle(waiting);
    },
  });

  const candidateOf = (wanted: Wanted): Candidate => ({
    uri: wanted.uri ?? base,
    ...(wanted.envelope === undefined ? {} : { envelope: wanted.envelope }),
    binding: anew(journal),
    consent: consentTo(wanted),
    signal: wanted.signal,
  });

  return {
    async announce({ state, pending: digest }, signal) {
      signal.throwIfAborted();
      if (state === 'idle' || state === 'reverted') update.settle();
      if (digest !== undefined && state === 'fetching') update.set({ digest });
      if (digest !== undefined && state === 'installing') begin(digest);
      return false;
    },
    async next(signal) {
      for (;;) {
        signal.throwIfAborted();
        update.removeCancelled();
        const { wanted } = update;
        const isHere = wanted?.envelope !== undefined || wanted?.uri !== undefined;
        if (wanted !== undefined && isHere) return candidateOf(wanted);
        await update.changes(signal);
      }
    },
    ended(outcome) {
      const result = resultOf(outcome);
      if (update.machine.state === 'idle') return;
      if (result !== undefined) update.take({ name: 'failed', result });
      else if (outcome.end === 'up-to-date') update.take({ name: 'updated' });
      else if (outcome.end === 'put-off') defer();
    },
    // The machine says whether it is wanted still.
    postpone() {},
    // Object 5 has no place for it: its server reads the result.
    report: async () => undefined,
  };
}

/**
 * Whoever manages the device has asked for it, knowing how it ended before: so one that did not prove itself
 * is tried again, as often as any is.
 */
const anew = ({ bootRecord: { reverted } }: Journal): Candidate['binding'] =>
  reverted === undefined ? {} : { generation: (reverted.binding.generation ?? 0) + 1 };
