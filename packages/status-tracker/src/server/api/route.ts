/** A route of the operators' API: who may use it, what it takes, what it answers, and what it does. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { uuidBytes } from '@lapel/suit';
import { Problem } from '@lapel/transport';
import type { TSchema } from 'typebox';
import type { Role } from '../store.ts';

export interface Route {
  readonly roles: readonly Role[];
  /** One line that says what it is for. */
  readonly summary: string;
  readonly query?: TSchema;
  /** `signed`: an application/cose message. */
  readonly body?: TSchema | 'signed';
  /** Absent where the answer has no content. */
  readonly answer?: TSchema | 'cose' | 'text';
  /** 200, where it says nothing. */
  readonly status?: 200 | 201 | 204;
  readonly run: (asked: Asked) => Promise<unknown>;
}

/** By method and path: `GET /devices/:id`. */
export type Routes = Readonly<Record<string, Route>>;

export interface Asked {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly actor: string;
}

// What a role may do, all of it: a route names one of these lists, and `authorize` alone asks for it.
export const readers: readonly Role[] = ['viewer', 'author', 'operator', 'approver', 'admin'];
export const deciders: readonly Role[] = ['operator', 'admin'];
/** Who may let in what others have prepared, and see who did what. */
export const approvers: readonly Role[] = ['operator', 'approver', 'admin'];
export const granters: readonly Role[] = ['admin'];

export const idOf = ({ params }: FastifyRequest): string => (params as { readonly id: string }).id;

export function uuidOf(what: string, text: string): Uint8Array {
  const bytes = uuidBytes(text);
  if (bytes === undefined) throw new Problem('bad-request', `expected a UUID as ${what}, found another text`);
  return bytes;
}

export function signedBody({ body }: FastifyRequest): Uint8Array {
  if (body instanceof Uint8Array) return new Uint8Array(body);
  throw new Problem('unsupported-format', 'expected a body of application/cose, found another');
}

export const nextOf = ({ limit }: { readonly limit: number }, last: string | undefined, found: number) =>
  found < limit ? undefined : last;
