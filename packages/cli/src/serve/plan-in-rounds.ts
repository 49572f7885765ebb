/** The rounds in which a server's tracker plans, and what keeps them from it. */

import type { FirmwareServer } from '@lapel/firmware-server';
import type { StatusTracker } from '@lapel/status-tracker';
import { Problem, systemClock } from '@lapel/transport';
import type { ServerLog } from './server-log.ts';

/** Between two rounds of the planner. */
const roundMs = 500;

/** Until the house is closed, or its fleet has moved: then devices and operators are told to come again. */
export async function planInRounds(
  { tracker, firmware }: { readonly tracker: StatusTracker; readonly firmware: FirmwareServer },
  signal: AbortSignal,
  { bug: onBug, notice: onNotice }: Pick<ServerLog, 'bug' | 'notice'>,
): Promise<void> {
  /** What keeps the rounds from their work is told once, and once that it is over. */
  let obstacle: string | undefined;
  while (!signal.aborted) {
    try {
      await firmware.catalog.readOthers();
      await tracker.tick();
      if (tracker.isGone) {
        onNotice('the fleet has moved to another store: start the servers there, and end this one');
        return;
      }
      if (obstacle !== undefined) onNotice('campaigns go on');
      obstacle = undefined;
      await systemClock.sleep(roundMs, signal);
    } catch (error) {
      if (signal.aborted) return;
      // Nothing is wrong with the program: an operator makes room, or brings the database back.
      if (!(error instanceof Problem) || !passing.has(error.code)) onBug(error);
      else if (error.detail !== obstacle) onNotice(`campaigns wait: ${(obstacle = error.detail)}`);
      await systemClock.sleep(roundMs);
    }
  }
}

const passing: ReadonlySet<Problem['code']> = new Set(['unavailable', 'storage-full']);
