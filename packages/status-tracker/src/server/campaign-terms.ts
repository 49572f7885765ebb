/** What a campaign may say: its times, its waves and its terms, each within bounds that make sense. */
import { Problem } from '@lapel/transport';
import { QueryError, readQuery } from '../policy/query-text.ts';
import { queryText } from '../policy/query.ts';
import { shownTime } from '../policy/shown-time.ts';
import { dayMinutes } from '../policy/window.ts';
import type { Campaign } from '../protocol.ts';

/** Longer ones are planned anew: a forgotten campaign must not update a device years later. */
const lifetimeMsMax = 366 * 24 * 3_600_000;
/** How far the clock of the operator may be ahead of ours. */
export const clockSkewMsMax = 5 * 60_000;
const silenceMsMin = 1_000;
/** More persons than anybody asks for one rollout. */
export const approvalsMax = 16;
/** Tests that err more often decide nothing. */
const errorMax = 500;

export const refused = (detail: string) => new Problem('unprocessable', detail);

/** @throws {Problem} */
export function checkTerms(campaign: Campaign, nowMs: number): void {
  checkTimes(campaign, nowMs);
  checkPolicy(campaign);
  checkPredicate(campaign);
  checkGate(campaign);
  checkWindow(campaign);
  checkLimits(campaign);
}

function checkTimes({ created, expires }: Campaign, nowMs: number): void {
  if (expires <= nowMs) throw refused(`expected an expiry in the future, found ${shownTime(expires)}`);
  if (created > nowMs + clockSkewMsMax)
    throw refused(`expected a creation in the past, found ${shownTime(created)}`);
  if (expires - created > lifetimeMsMax) {
    throw refused(`expected a lifetime of at most ${lifetimeMsMax} ms, found ${expires - created}`);
  }
}

function checkPolicy({ waves, inFlightMax, failureRateMax, silenceMsMax }: Campaign): void {
  const rises = waves.every((share, index) => share > (waves[index - 1] ?? 0));
  if (!rises || waves.at(-1) !== 1000) {
    throw refused(`expected waves that rise to 1000 thousandths, found ${waves.join(', ')}`);
  }
  if (inFlightMax < 1) throw refused(`expected at least 1 device in flight, found ${inFlightMax}`);
  if (failureRateMax > 1000) {
    throw refused(`expected a failure rate of at most 1000 thousandths, found ${failureRateMax}`);
  }
  if (silenceMsMax < silenceMsMin) {
    throw refused(`expected a silence of at least ${silenceMsMin} ms, found ${silenceMsMax}`);
  }
}

/** What was signed is what everybody reads: a query has one text. */
function checkPredicate({ predicate }: Campaign): void {
  if (predicate === undefined) return;
  try {
    const text = queryText(readQuery(predicate));
    if (text !== predicate) throw refused(`predicate: expected its one text, ${text}, found ${predicate}`);
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    throw new Problem('unprocessable', `predicate: ${error.message}`, { cause: error });
  }
}

function checkGate({ gate, failureRateMax }: Campaign): void {
  if (gate === undefined) return;
  const { bad, falseHalt, falseGo } = gate;
  if (bad <= failureRateMax || bad > 1000) {
    const range = `above ${failureRateMax} and at most 1000 thousandths`;
    throw refused(`gate: expected a bad failure rate ${range}, found ${bad}`);
  }
  for (const error of [falseHalt, falseGo]) {
    if (error >= 1 && error <= errorMax) continue;
    throw refused(`gate: expected error rates from 1 to ${errorMax} thousandths, found ${error}`);
  }
}

function checkWindow({ window }: Campaign): void {
  if (window === undefined) return;
  const { days, opens, lasts } = window;
  if (days < 1 || days > 0b1111111) throw refused(`window: expected days from 1 to 127, found ${days}`);
  if (opens >= dayMinutes) throw refused(`window: expected it to open before minute 1440, found ${opens}`);
  if (lasts < 1 || lasts > dayMinutes) {
    throw refused(`window: expected it to last from 1 to 1440 minutes, found ${lasts}`);
  }
}

function checkLimits({ ratePerMinute = 1, approvals = 0, soakMs = 0, deadline, created, expires }: Campaign) {
  if (ratePerMinute < 1) throw refused(`expected at least 1 offer a minute, found ${ratePerMinute}`);
  if (approvals > approvalsMax)
    throw refused(`expected at most ${approvalsMax} approvals, found ${approvals}`);
  if (soakMs > lifetimeMsMax) throw refused(`expected waves of at most ${lifetimeMsMax} ms, found ${soakMs}`);
  if (deadline !== undefined && (deadline <= created || deadline > expires)) {
    throw refused(`expected a deadline between creation and expiry, found ${shownTime(deadline)}`);
  }
}
