/** What goes from thread to thread, as clones: which know neither our errors nor parts of a buffer. */
import type { CoseErrorKind } from '@lapel/cose';
import { CoseError } from '@lapel/cose';
import type { ProblemCode } from '@lapel/transport';
import { Problem } from '@lapel/transport';
import { SchemaError } from '../sql.ts';

/** What a thread can be asked, once it has begun. */
export type Opened = { readonly methods: readonly string[] } | { readonly failure: Failure };

export interface Asked {
  readonly id: number;
  readonly method: string;
  readonly given: readonly unknown[];
}

export interface Told {
  readonly id: number;
  readonly value?: unknown;
  readonly failure?: Failure;
}

/** An error, as it can be cloned. */
export type Failure =
  | { readonly problem: ProblemCode; readonly detail: string; readonly cause?: Failure }
  | { readonly cose: CoseErrorKind; readonly message: string }
  | { readonly schema: readonly [known: number, found: number] }
  | { readonly message: string; readonly stack?: string; readonly errcode?: unknown };

export function failureOf(error: unknown): Failure {
  if (error instanceof SchemaError) return { schema: [error.known, error.found] };
  if (error instanceof CoseError) return { cose: error.kind, message: error.message };
  if (error instanceof Problem) {
    const { code: problem, detail, cause } = error;
    return { problem, detail, ...(cause === undefined ? {} : { cause: failureOf(cause) }) };
  }
  if (!(error instanceof Error)) return { message: String(error) };
  const { message, stack } = error;
  return {
    message,
    ...(stack === undefined ? {} : { stack }),
    ...('errcode' in error ? { errcode: error.errcode } : {}),
  };
}

export function errorOf(failure: Failure): Error {
  if ('schema' in failure) return new SchemaError(...failure.schema);
  if ('cose' in failure) return new CoseError(failure.cose, failure.message);
  if ('problem' in failure) {
    const { problem, detail, cause } = failure;
    return new Problem(problem, detail, cause === undefined ? {} : { cause: errorOf(cause) });
  }
  const { message, stack, errcode } = failure;
  const error = new Error(message);
  if (stack !== undefined) error.stack = stack;
  return errcode === undefined ? error : Object.assign(error, { errcode });
}

/** A clone of bytes holds the whole buffer that they lie in, and what networks bring lies in large ones. */
export function compact(value: unknown): unknown {
  if (value instanceof Uint8Array)
    return value.byteLength === value.buffer.byteLength ? value : value.slice();
  if (Array.isArray(value)) return value.map(compact);
  if (typeof value !== 'object' || value === null || value instanceof Map) return value;
  const copied: Record<string, unknown> = {};
  for (const name in value) copied[name] = compact((value as Record<string, unknown>)[name]);
  return copied;
}
