/**
 * The `lapel` command's own building blocks, for other commands of the house: how it speaks to a
 * person, how an error ends, and what a script learns from it.
 */

export { exitCodes } from './exit-codes.ts';
export type { ExitCode } from './exit-codes.ts';
export { CommandFailure } from './failure.ts';
export { failureOf } from './failure-of.ts';
export type { Failure } from './failure-of.ts';
export { createTerminal, progressLine } from './terminal.ts';
export type { Terminal, TerminalOptions } from './terminal.ts';
