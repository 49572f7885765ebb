/**
 * The one place where an error becomes a message and an exit code. A mistake of the user's gets one
 * friendly sentence of what was expected and found; whatever nobody foresaw is a bug, and shows its
 * stack.
 */

import { CborError } from '@lapel/cbor';
import { CoseError, LedgerError } from '@lapel/cose';
import type { LedgerErrorKind } from '@lapel/cose';
import { AlreadySigned, DescriptionError, EditError, ImageError } from '@lapel/author';
import { SuitError } from '@lapel/suit';
import type { ProblemCode } from '@lapel/transport';
import { PortInUse, Problem, TransportError } from '@lapel/transport';
import { CommanderError } from 'commander';
import type { ExitCode } from './exit-codes.ts';
import { exitCodes } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';

export interface Failure {
  /** Empty where everything was said already. */
  readonly message: string;
  readonly exitCode: number;
}

export function failureOf(error: unknown): Failure {
  if (error instanceof CommandFailure) return { message: error.message, exitCode: error.exitCode };
  if (error instanceof CommanderError) return commanderFailure(error);
  if (error instanceof DescriptionError || error instanceof ImageError || error instanceof CoseError) {
    return { message: error.message, exitCode: exitCodes.failed };
  }
  if (error instanceof LedgerError) return ledgerFailure(error);
  if (error instanceof EditError) {
    const exitCode = error.kind === 'there' ? exitCodes.conflict : exitCodes.failed;
    return { message: error.message, exitCode };
  }
  if (error instanceof AlreadySigned) return { message: error.message, exitCode: exitCodes.conflict };
  if (error instanceof SuitError || error instanceof CborError) {
    return { message: refusalText(error), exitCode: exitCodes.refused };
  }
  if (error instanceof Problem) return problemFailure(error);
  if (error instanceof TransportError) return transportFailure(error);
  if (error instanceof PortInUse) return { message: error.message, exitCode: exitCodes.conflict };
  return systemFailure(error) ?? bug(error);
}

export const refusalText = (error: SuitError | CborError): string =>
  error instanceof SuitError
    ? `refused at stage ${error.stage}, reason ${error.reason}: ${error.message}`
    : error.message;

const ledgerHints: Readonly<Record<LedgerErrorKind, string>> = {
  busy: 'another command signs with this key: try again when it has ended',
  damaged: 'put nothing in its place: a key whose spent leaves nobody knows must not sign any more',
  restored: 'a key whose ledger was put back must not sign any more; make another one',
  exhausted: 'make another key, and let devices trust it before this one is gone',
};

/** Whatever is wrong with a ledger, nothing was signed. */
const ledgerFailure = ({ kind, message }: LedgerError): Failure => ({
  message: `${message}\n  ${ledgerHints[kind]}`,
  exitCode: kind === 'busy' || kind === 'restored' ? exitCodes.conflict : exitCodes.failed,
});

/** Commander has printed its message, or the help that was asked for. */
function commanderFailure({ code, exitCode }: CommanderError): Failure {
  const asked = ['commander.helpDisplayed', 'commander.version'].includes(code) || exitCode === 0;
  return { message: '', exitCode: asked ? exitCodes.done : exitCodes.usage };
}

const problemExits: Readonly<Partial<Record<ProblemCode, ExitCode>>> = {
  conflict: exitCodes.conflict,
  'already-published': exitCodes.conflict,
  'sequence-not-higher': exitCodes.conflict,
  unauthorized: exitCodes.denied,
  forbidden: exitCodes.denied,
  'not-found': exitCodes.absent,
  unavailable: exitCodes.network,
  'too-many-requests': exitCodes.network,
  internal: exitCodes.failed,
  'storage-full': exitCodes.failed,
  'loop-detected': exitCodes.network,
};

const problemFailure = ({ code, detail }: Problem): Failure => ({
  message: `the server refused, ${code}: ${detail}`,
  exitCode: problemExits[code] ?? exitCodes.refused,
});

const transportHints: Readonly<Record<TransportError['kind'], string>> = {
  unreachable: 'is the server running? `lapel serve` starts one, --server says where it is',
  'no-answer': 'the same command can be tried again',
  malformed: 'is this the address of a Lapel server?',
  refused: 'the connection was not trusted',
};

const transportFailure = ({ kind, message }: TransportError): Failure => ({
  message: `the server gave no usable answer, ${kind}: ${message}\n  ${transportHints[kind]}`,
  exitCode: exitCodes.network,
});

/** What the operating system says of a file: what was expected of it, and what was found. */
const systemWords: Readonly<Record<string, readonly [expected: string, found: string]>> = {
  ENOENT: ['to exist', 'no such file or folder'],
  EACCES: ['to be open to you', 'no permission'],
  EPERM: ['to be open to you', 'no permission'],
  EISDIR: ['to be a file', 'a folder'],
  ENOTDIR: ['to lie in a folder', 'a file in its place'],
  ENOSPC: ['to fit on the disk', 'it full'],
  EDQUOT: ['to fit in your quota', 'it used up'],
  EROFS: ['to be writable', 'a file system that is read-only'],
  EMFILE: ['to be opened', 'too many files open'],
  ENAMETOOLONG: ['to have a shorter name', 'one that is too long'],
  EEXIST: ['not to exist yet', 'it there'],
};

function systemFailure(error: unknown): Failure | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  const words = systemWords[error.code];
  if (words === undefined) return undefined;
  const path = 'path' in error && typeof error.path === 'string' ? error.path : 'a file';
  const message = `expected ${path} ${words[0]}, found ${words[1]}`;
  return { message, exitCode: error.code === 'EEXIST' ? exitCodes.conflict : exitCodes.failed };
}

function bug(error: unknown): Failure {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    message: `this is a bug in Lapel; please report it with these lines:\n${stack}`,
    exitCode: exitCodes.bug,
  };
}
