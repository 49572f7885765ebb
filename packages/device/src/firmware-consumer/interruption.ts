/**
 * Before a step that interrupts the service the application is told how long that is expected to take, and
 * may put itself in order first, or ask for a better time (draft-zhu §4-5).
 */

import type { AgentOptions } from '../agent-options.ts';
import { expectedDowntimeMs } from '../downtime.ts';
import { answered } from './within.ts';

/**
 * Whether the device may restart now; where it has been ordered to, it may, once the application has been
 * told and has put its service in order.
 * @param options `of`: how long that is expected to take; where a recovery application does it, longer.
 */
export async function mayInterrupt(
  agent: AgentOptions,
  signal: AbortSignal,
  { of = expectedDowntimeMs, isOrdered = false } = {},
): Promise<boolean> {
  const { onInterruption, profile, journal, clock } = agent;
  if (onInterruption === undefined) return true;
  const expectedMs = of(profile, journal.bootRecord);
  agent.onStep?.('interruption-announced', `${expectedMs} ms`);
  const answer = await answered({ clock, signal }, () => onInterruption({ expectedMs }));
  return isOrdered || answer !== 'later';
}
