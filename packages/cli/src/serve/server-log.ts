/**
 * What a server tells whoever runs it: words for a person, or a line of JSON for each event, for whatever
 * collects logs. No line holds a token, a query or a body.
 */

import type { StateChange } from '@lapel/status-tracker';

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
