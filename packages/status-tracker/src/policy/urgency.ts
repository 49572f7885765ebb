/**
 * How urgent a release is (draft-zhu-suit-automatic-fu-arch §4-3, §4-4): its manifest says so, or else the
 * strategies that an operator has provisioned, and what follows from it. Values and functions of values.
 */
import type { Urgency } from '../protocol.ts';

/** What a release tells of itself. */
export interface ReleaseFacts {
  /** suit-parameter-update-priority: the smaller, the more urgent. */
  readonly priority?: number;
  /** What its author says of it to people. */
  readonly text?: string;
  /** The kinds of its components, as an operator calls them: `bootloader`, `application`, `configuration`. */
  readonly kinds?: readonly string[];
  readonly version?: string;
  /** What the devices that it is for run by now. */
  readonly before?: string;
}

export type VersionDelta = 'major' | 'minor' | 'patch' | 'none';

/** An operator's rule: all that it names must hold. One that names nothing holds for every release. */
export interface UrgencyRule {
  readonly urgency: Urgency;
  readonly kind?: string;
  readonly delta?: VersionDelta;
  /** Is part of the text, in whatever case. */
  readonly text?: string;
}

export interface UrgencyStrategy {
  /** The highest priority number of a class; what lies above all of them is `low`. */
  readonly priorities: Readonly<Record<'critical' | 'high' | 'normal', number>>;
  /** The first that holds counts. */
  readonly rules: readonly UrgencyRule[];
}

export interface Judged {
  readonly urgency: Urgency;
  readonly because: string;
}

/**
 * A bug fix goes before what is new, and both before a change of settings; whatever names an advisory goes
 * before all of them.
 */
export const usualStrategy: UrgencyStrategy = {
  priorities: { critical: 0, high: 10, normal: 100 },
  rules: [
    { urgency: 'high', kind: 'bootloader' },
    { urgency: 'high', kind: 'trust anchors' },
    { urgency: 'low', kind: 'configuration' },
    { urgency: 'high', delta: 'patch' },
    { urgency: 'normal' },
  ],
};

/** CVE, GHSA, and what the CSAF of a vendor is commonly called. */
const advisory = /\b(?:CVE-\d{4}-\d{4,19}|GHSA(?:-[0-9a-z]{4}){3})\b/i;
const exploited = /\b(?:actively exploited|known exploited|exploited in the wild)\b/i;

export function urgencyOf(facts: ReleaseFacts, strategy: UrgencyStrategy = usualStrategy): Judged {
  const { priority, text = '' } = facts;
  if (priority !== undefined) {
    return {
      urgency: ofPriority(priority, strategy),
      because: `its manifest has update priority ${priority}`,
    };
  }
  const named = advisory.exec(text)?.[0];
  if (named !== undefined) {
    const urgency = exploited.test(text) ? 'critical' : 'high';
    return { urgency, because: `its text names ${named}${urgency === 'critical' ? ' as exploited' : ''}` };
  }
  const rule = strategy.rules.find((each) => holds(each, facts));
  if (rule === undefined) return { urgency: 'normal', because: 'no strategy is about it' };
  return { urgency: rule.urgency, because: `by the strategy for ${nameOf(rule)}` };
}

function ofPriority(priority: number, { priorities }: UrgencyStrategy): Urgency {
  const { critical, high, normal } = priorities;
  if (priority <= critical) return 'critical';
  if (priority <= high) return 'high';
  return priority <= normal ? 'normal' : 'low';
}

function holds({ urgency, kind, delta, text }: UrgencyRule, facts: ReleaseFacts): boolean {
  const { kinds = [], text: told = '' } = facts;
  if (kind !== undefined && !isOfKind(kinds, kind, urgency)) return false;
  if (delta !== undefined && deltaOf(facts.before, facts.version) !== delta) return false;
  return text === undefined || told.toLowerCase().includes(text.toLowerCase());
}

/** One part makes an update urgent; only all of them together make it one that can wait. */
const isOfKind = (kinds: readonly string[], kind: string, urgency: Urgency): boolean =>
  urgency === 'low' ? kinds.length > 0 && kinds.every((each) => each === kind) : kinds.includes(kind);

function nameOf({ kind, delta, text }: UrgencyRule): string {
  const parts = [
    kind === undefined ? [] : [`the kind ${kind}`],
    delta === undefined ? [] : [`a change of the ${delta} version`],
    text === undefined ? [] : [`texts with ${JSON.stringify(text)}`],
  ].flat();
  return parts.length === 0 ? 'every release' : parts.join(' and ');
}

/** Undefined where one of them is no version of three numbers: nothing can be said then. */
export function deltaOf(before: string | undefined, after: string | undefined): VersionDelta | undefined {
  const [old, fresh] = [numbersOf(before), numbersOf(after)];
  if (old === undefined || fresh === undefined) return undefined;
  const place = old.findIndex((number, index) => number !== fresh[index]);
  return (['major', 'minor', 'patch'] as const)[place] ?? 'none';
}

function numbersOf(version: string | undefined): readonly string[] | undefined {
  const found = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:[-+].{0,64})?$/.exec(version ?? '');
  return found?.slice(1);
}

/** What follows from a class. */
export interface Consequences {
  /** By when the devices should run it: what a campaign is measured against. */
  readonly deadlineMs: number;
  /** Where a device has allowed that at its registration, the server decides when. */
  readonly overrides: boolean;
}

const hour = 3_600_000;

export const consequences: Readonly<Record<Urgency, Consequences>> = {
  critical: { deadlineMs: 24 * hour, overrides: true },
  high: { deadlineMs: 7 * 24 * hour, overrides: false },
  normal: { deadlineMs: 30 * 24 * hour, overrides: false },
  low: { deadlineMs: 90 * 24 * hour, overrides: false },
};
