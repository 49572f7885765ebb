/** A line of JSON for each event, for whatever collects logs. */

import type { StateChange } from '@lapel/status-tracker';
import { pino } from 'pino';
import type { Terminal } from '../terminal.ts';
import type { LogLevel, ServerLog } from './server-log.ts';

/** What an operator is woken for, and what is told of a fleet; the steps of each device are for who looks. */
const alarming = ['halted', 'aborted', 'frozen'];
const telling = ['failed', 'reverted', 'given-up'];

export function linesOfJson(terminal: Terminal, level: LogLevel): ServerLog {
  const log = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: named } },
    { write: (line) => terminal.log(line.trimEnd()) },
  );
  return {
    bug: (err) => log.error({ err }, 'a bug'),
    notice: (text) => log.warn(text),
    change({ kind, id, state, campaign, because }) {
      const own = kind === 'device' ? { device: id, campaign } : { campaign: id };
      log[levelOf(kind, state)]({ ...own, state, because }, `${kind} ${state}`);
    },
    answered: (answered) => log.debug(answered, 'answered'),
    tellsAnswers: log.isLevelEnabled('debug'),
  };
}

/** By its name: a number needs a table. */
const named = (label: string) => ({ level: label });

function levelOf(kind: StateChange['kind'], state: string): 'debug' | 'info' | 'warn' {
  if (alarming.includes(state)) return 'warn';
  return kind === 'campaign' || telling.includes(state) ? 'info' : 'debug';
}
