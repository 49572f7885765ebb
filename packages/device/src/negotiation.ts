/**
 * What a device answers to an offer, where it negotiates (draft-zhu-suit-automatic-fu-arch §3.3): a function
 * of what it was told and of what it is doing, so that it can be laid out as a table.
 */

import type { Answered } from '@lapel/status-tracker/client';
import type { Urgency } from '@lapel/status-tracker/protocol';

/** An offer as the device decides on it. */
export interface Notice {
  readonly nowMs: number;
  /** The device may name no time behind this one. */
  readonly latestMs: number;
  readonly urgency: Urgency;
  readonly isIdle: boolean;
  /** The manifest, where it came with the notice; nothing of it has been proved by then. */
  readonly envelope?: Uint8Array;
}

/** What the application knows of its own time. */
export interface Habits {
  /** When it expects to be idle; absent, where it does not know. */
  readonly idleAtMs?: number;
  /** Somebody who may do so has said that this update shall not be, until then. */
  readonly declinedUntilMs?: number;
  /** For how long it puts off what it has no better time for. */
  readonly deferMs: number;
}

/** A critical update takes no refusal, only the next time that will do. */
export function decideUpdate(notice: Notice, habits: Habits): Answered {
  const { nowMs, latestMs, urgency, isIdle } = notice;
  const { idleAtMs = nowMs + habits.deferMs, declinedUntilMs = 0 } = habits;
  if (declinedUntilMs > nowMs && urgency !== 'critical') {
    return { decision: 'declined', until: Math.min(declinedUntilMs, Math.max(latestMs, nowMs)) };
  }
  if (isIdle || latestMs <= nowMs) return { decision: 'now' };
  return { decision: 'at', until: Math.min(Math.max(idleAtMs, nowMs), latestMs) };
}
