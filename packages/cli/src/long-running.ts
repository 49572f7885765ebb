/** A command that goes on until its user ends it, and tells each step with its time. */

import type { Terminal } from './terminal.ts';

/** Aborted once the user has ended the command. */
export function switchedOn(): AbortController {
  const off = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => off.abort(new Error('switched off')));
  }
  return off;
}

/** @param isJson whether each step is a line of JSON with these fields, not a sentence. */
export const teller =
  (terminal: Terminal, isJson: boolean) =>
  (told: string, fields: object): void => {
    const at = new Date().toISOString();
    terminal.result(isJson ? JSON.stringify({ at, ...fields }) : `${at}  ${told}`);
  };
