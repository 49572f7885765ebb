/**
 * What devices said, read and proved, as stores take it in; and whether it counts beside what was before.
 */
import { compareBytes } from '@lapel/cbor';
import type { ReportReason } from '@lapel/suit';
import type { AnswerView, Change, DeviceView, Inventory, Session } from './fleet.ts';
import { isOf } from './runs-by-report.ts';

/** A signed message with what was read from it; `signed` is kept as evidence. */
export interface CheckInRecord {
  readonly device: string;
  /** The session that it was made in. */
  readonly session: Uint8Array;
  readonly counter: number;
  readonly inventory: Inventory;
  readonly signed: Uint8Array;
}

/** What came of holding a report's records against its manifest. */
export type Replay =
  { readonly end: 'plausible' } | { readonly end: 'not-replayed' | 'contradicted'; readonly because: string };

export interface ReportRecord {
  readonly device: string;
  readonly nonce: Uint8Array;
  readonly digest: Uint8Array;
  readonly reason: ReportReason;
  readonly replay: Replay;
  readonly signed: Uint8Array;
  readonly atMs: number;
}

/** `known`: the very same message was recorded before, and counts once. The others are refused. */
export interface Recorded {
  readonly end: 'recorded' | 'known' | 'replayed' | 'other-session' | 'no-such-offer' | 'other-manifest';
  readonly changes: readonly Change[];
}

/** `known`: the very same answer; `replayed`: one of before. Only `recorded` changes something. */
export type Answered = 'recorded' | 'known' | 'replayed' | 'other-session' | 'no-such-offer';

export interface Evidence {
  readonly kind: 'check-in' | 'report';
  readonly atMs: number;
  readonly device: string;
  readonly campaign?: string;
  readonly outcome: string;
  /** Of a report; one of before the tracker replayed any has none. */
  readonly replay?: Replay;
  readonly signed: Uint8Array;
}

/** Of a device that nobody has let in, nothing is kept but its last word: no stranger fills a disk. */
export const keepsWordsOf = ({ approval }: Pick<DeviceView, 'approval'>): boolean => approval !== 'pending';

export type InSession = DeviceView & { readonly session: Session };

/** Whose word it is, or why it counts for nothing: the session may have ended while it was proved. */
export function inSession(
  device: DeviceView | undefined,
  { session: said, counter }: CheckInRecord,
): InSession | 'other-session' | 'replayed' {
  const session = device?.session;
  if (device === undefined || !isOf(session, said)) return 'other-session';
  return counter <= session.counter ? 'replayed' : { ...device, session };
}

/** What an answer is to the session and the answer of before. */
export function judgeAnswer(
  device: Pick<DeviceView, 'session' | 'answer'> | undefined,
  offeredTo: string | undefined,
  { answer, signed }: AnswerView,
): Answered {
  if (!isOf(device?.session, answer.session)) return 'other-session';
  if (offeredTo !== answer.device) return 'no-such-offer';
  const before = device?.answer;
  if (before === undefined || compareBytes(before.answer.session, answer.session) !== 0) return 'recorded';
  if (compareBytes(before.signed, signed) === 0) return 'known';
  return answer.counter > before.answer.counter ? 'recorded' : 'replayed';
}
