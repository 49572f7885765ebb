/**
 * What a server tells whoever runs it: words for a person, or a line of JSON for each event, for whatever
 * collects logs. No line holds a token, a query or a body.
 */

import type { StateChange } from '@lapel/status-tracker';
import { pino } from 'pino';
import type { Terminal } from '../terminal.ts';

export const logFormats = ['text', 'json'] as const;
export type LogFormat = (typeof logFormats)[number];
/** From the one that says most. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface Answered {
  readonly method: string;
  /** Without its query: in that a token may travel (RFC 6750 §2.3). */
  readonly path: string;
  readonly status: number;
  readonly ms: number;
}

export interface ServerLog {
  /** What nobody foresaw. */
  bug(error: unknown): void;
  /** What an operator should know. */
  notice(text: string): void;
  /** A device or a campaign has moved. */
  change(change: StateChange): void;
  answered(answered: Answered): void;
  /** Whether each answer is told: else nobody need measure. */
  readonly tellsAnswers: boolean;
}

export interface LogOptions {
  readonly format: LogFormat;
  readonly level: LogLevel;
}

export const createServerLog = (terminal: Terminal, { format, level }: LogOptions): ServerLog =>
  format === 'json' ? linesOfJson(terminal, level) : words(terminal);

const words = (terminal: Terminal): ServerLog => ({
  bug: (error) => terminal.error(error instanceof Error ? (error.stack ?? error.message) : String(error)),
  notice: (text) => terminal.note(text),
  change: () => undefined,
  answered: () => undefined,
  tellsAnswers: false,
});

/** What an operator is woken for, and what is told of a fleet; the steps of each device are for who looks. */
const alarming = ['halted', 'aborted', 'frozen'];
const telling = ['failed', 'reverted', 'given-up'];

function linesOfJson(terminal: Terminal, level: LogLevel): ServerLog {
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
