/** The terms of a campaign as options: whom it is for, what halts it, when and how fast it goes. */

import { queryText, readQuery } from '@lapel/status-tracker/policy';
import { QueryError } from '@lapel/status-tracker/policy';
import type { Campaign, Urgency } from '@lapel/status-tracker/protocol';
import { urgencies } from '@lapel/status-tracker/protocol';
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import type { Fields } from '../answers.ts';
import { cellIn, numberIn, textIn } from '../answers.ts';
import { count, milliseconds, percentText, thousandths } from '../quantities.ts';

export interface TermsOptions {
  readonly where?: string;
  readonly badRate?: number;
  readonly soak?: number;
  readonly urgency?: Urgency;
  readonly window?: NonNullable<Campaign['window']>;
  readonly rate?: number;
  readonly approvals?: number;
  readonly deadline?: number;
}

/** How often a sequential test may err: one tolerable firmware in a hundred, one bad one in twenty. */
const falseHalt = 10;
const falseGo = 50;

export const withTerms = (command: Command): Command =>
  command
    .option('--where <query>', 'for which devices of the class (default: for all)', predicate)
    .option(
      '--bad-rate <share>',
      'of failures, which a sequential test tells from --failure-rate',
      thousandths,
    )
    .option('--soak <time>', 'how long each wave lasts at least', milliseconds)
    .addOption(new Option('--urgency <class>', 'what goes first').choices(Object.keys(urgencies)))
    .option(
      '--window <when>',
      "in each device's local time, such as 'mon-fri 02:00-04:00'",
      maintenanceWindow,
    )
    .option('--rate <number>', 'offers a minute at most', count)
    .option('--approvals <number>', 'other operators that must approve it first', count)
    .option('--deadline <time>', 'until when all devices should be patched', milliseconds);

/** What the options say, as it is signed. */
export const termsOf = (options: TermsOptions, created: number) => ({
  ...(options.where === undefined ? {} : { predicate: options.where }),
  ...(options.badRate === undefined ? {} : { gate: { bad: options.badRate, falseHalt, falseGo } }),
  ...(options.soak === undefined ? {} : { soakMs: options.soak }),
  ...(options.urgency === undefined ? {} : { urgency: options.urgency }),
  ...(options.window === undefined ? {} : { window: options.window }),
  ...(options.rate === undefined ? {} : { ratePerMinute: options.rate }),
  ...(options.approvals === undefined ? {} : { approvals: options.approvals }),
  ...(options.deadline === undefined ? {} : { deadline: created + options.deadline }),
});

/** What an operator reads before it is signed, and after. */
export function termsFacts(campaign: Campaign): readonly (readonly [string, string])[] {
  const { predicate, gate, failureRateMax, soakMs, ratePerMinute, approvals } = campaign;
  const tolerated = percentText(failureRateMax);
  return [
    ...(predicate === undefined ? [] : [['for', predicate] as const]),
    gate === undefined
      ? (['halts', `above ${tolerated} failed`] as const)
      : (['halts', `where failures are rather ${percentText(gate.bad)} than ${tolerated}`] as const),
    ...(soakMs === undefined ? [] : [['each wave', `at least ${soakMs / 60_000} min`] as const]),
    ...(ratePerMinute === undefined ? [] : [['rate', `at most ${ratePerMinute} a minute`] as const]),
    ...(approvals === undefined ? [] : [['approvals', `${approvals} besides yours`] as const]),
  ];
}

/** As the tracker has judged it, where it is not signed. */
export const urgencyFact = (campaign: Fields): readonly [string, string] => {
  const [urgency, because] = [textIn(campaign, 'urgency'), cellIn(campaign, 'urgencyBecause')];
  return ['urgency', `${urgency} (${because}), until ${dateIn(campaign, 'deadlineMs')}`];
};

const dateIn = (campaign: Fields, field: string) => new Date(numberIn(campaign, field)).toISOString();

/** What is signed is the one text of a query. */
function predicate(text: string): string {
  try {
    return queryText(readQuery(text));
  } catch (error) {
    if (error instanceof QueryError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}

const dayNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const windowForm =
  /^(?:(?<first>[a-z]{3})(?:-(?<last>[a-z]{3}))?\s+)?(?<opens>\d\d:\d\d)-(?<closes>\d\d:\d\d)$/;

/** `02:00-04:00`, `sat-sun 22:00-06:00`: it may pass midnight, and belongs to the day on which it opens. */
export function maintenanceWindow(text: string): NonNullable<Campaign['window']> {
  const { first = 'mon', last, opens = '', closes = '' } = windowForm.exec(text.trim())?.groups ?? {};
  const [from, until] = [minutes(opens), minutes(closes)];
  const start = dayNames.indexOf(first);
  const end = dayNames.indexOf(last ?? (text.trim().startsWith(first) ? first : 'sun'));
  if (from === undefined || until === undefined || start < 0 || end < 0) {
    throw new InvalidArgumentError(`expected a window such as 'mon-fri 02:00-04:00', found ${text}`);
  }
  let days = 0;
  for (let day = start; ; day = (day + 1) % 7) {
    days |= 1 << day;
    if (day === end) break;
  }
  return { days, opens: from, lasts: until > from ? until - from : until - from + 1_440 };
}

function minutes(text: string): number | undefined {
  const [hours = NaN, rest = NaN] = text.split(':').map(Number);
  return hours < 24 && rest < 60 ? hours * 60 + rest : undefined;
}
