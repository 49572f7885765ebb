/**
 * Whether an offer that waits for the server's word gets it now (draft-zhu-suit-automatic-fu-arch §3.2,
 * §3.3): by what the device has answered, by how busy its service is, by a strategy that was provisioned,
 * and by how urgent it is. It decides and changes nothing.
 */
import type { DecisionName, Terms, UpdateMode, Urgency } from '../protocol.ts';
import { consequences } from './urgency.ts';
import type { Window } from './window.ts';
import { openingFor } from './window.ts';

/** For devices that are updated by the server's decision; what it names must all hold. */
export interface ServerStrategy {
  readonly window?: Window;
  /** In thousandths: a service that is busier is left alone. A device that tells none counts as busy. */
  readonly loadMax?: number;
}

/** What a device has answered to the offer. */
export interface Answered {
  readonly decision: DecisionName;
  readonly untilMs?: number;
}

export interface Waiting {
  readonly mode: UpdateMode;
  readonly terms?: Pick<Terms, 'timeZone' | 'mayOverride'>;
  readonly urgency: Urgency;
  /** By when it should run. */
  readonly latestMs: number;
  readonly serviceLoad?: number;
  readonly answer?: Answered;
  /** The device's own place in a window, from 0 to below 1: not all of a city begin at once. */
  readonly share: number;
}

export type Verdict =
  | { readonly do: 'trigger'; readonly because: string; readonly overrides: boolean }
  /** `untilMs`: not before; absent, where nobody knows when. */
  | { readonly do: 'wait'; readonly because: string; readonly untilMs?: number };

export function whenToTrigger(waiting: Waiting, strategy: ServerStrategy, nowMs: number): Verdict {
  const { mode, terms, urgency } = waiting;
  if (mode !== 'server-initiated' && terms?.mayOverride === true) {
    if (consequences[urgency].overrides) return trigger(`it is ${urgency}`, true);
    if (nowMs >= waiting.latestMs) return trigger('its deadline has come', true);
  }
  if (mode === 'client-initiated') return { do: 'wait', because: 'the device decides alone' };
  return mode === 'negotiated' ? negotiated(waiting.answer, nowMs) : decided(waiting, strategy, nowMs);
}

const trigger = (because: string, overrides = false): Verdict => ({ do: 'trigger', because, overrides });

function negotiated(answer: Answered | undefined, nowMs: number): Verdict {
  if (answer === undefined) return { do: 'wait', because: 'the device has not answered yet' };
  const { decision, untilMs = 0 } = answer;
  if (decision === 'declined') return { do: 'wait', because: 'the device declines it', untilMs };
  if (decision === 'now') return trigger('the device agrees');
  if (nowMs >= untilMs) return trigger('the time that the device has named has come');
  return { do: 'wait', because: 'the device has named a time', untilMs };
}

/** The server decides for the device, which obeys. */
function decided(waiting: Waiting, { window, loadMax }: ServerStrategy, nowMs: number): Verdict {
  const { urgency, latestMs, serviceLoad, terms, share } = waiting;
  if (consequences[urgency].overrides) return trigger(`it is ${urgency}`);
  if (nowMs >= latestMs) return trigger('its deadline has come');
  if (window !== undefined) {
    const opening = openingFor(window, terms?.timeZone, share, nowMs);
    if (opening === undefined) return { do: 'wait', because: 'no window ever opens' };
    if (nowMs < opening.fromMs)
      return { do: 'wait', because: 'its window is closed', untilMs: opening.fromMs };
  }
  if (loadMax !== undefined && (serviceLoad ?? Infinity) > loadMax) {
    const found = serviceLoad === undefined ? 'has not told how busy it is' : `is busy (${serviceLoad} ‰)`;
    return { do: 'wait', because: `its service ${found}` };
  }
  return trigger(window === undefined ? 'nothing speaks against it' : 'its window is open');
}
