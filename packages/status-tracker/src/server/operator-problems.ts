/** What is wrong with a request of an operator, as Fastify answers it: problem details (RFC 9457). */
import type { FastifyReply } from 'fastify';
import type { ProblemCode } from '@lapel/transport';
import { Problem, problemMediaType } from '@lapel/transport';

const statusCodes: Readonly<Record<ProblemCode, number>> = {
  'bad-request': 400,
  unauthorized: 401,
  forbidden: 403,
  'not-found': 404,
  'method-not-allowed': 405,
  conflict: 409,
  'already-published': 409,
  'sequence-not-higher': 409,
  'too-large': 413,
  'unsupported-format': 415,
  'range-not-satisfiable': 416,
  unprocessable: 422,
  'too-many-requests': 429,
  internal: 500,
  unavailable: 503,
  'storage-full': 507,
};

export function sendProblem({ code, detail }: Problem, reply: FastifyReply): FastifyReply {
  const status = statusCodes[code];
  if (status === 401) void reply.header('www-authenticate', 'Bearer');
  return reply.code(status).type(problemMediaType).send({ type: 'about:blank', status, detail, code });
}

export function asProblem(error: unknown, onBug: (error: unknown) => void): Problem {
  if (error instanceof Problem) return error;
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  const found = (Object.keys(statusCodes) as ProblemCode[]).find((code) => statusCodes[code] === status);
  // Fastify's own refusals say what is wrong with a request; the rest is ours, and only the log hears of it.
  if (found !== undefined && status < 500 && error instanceof Error) {
    return new Problem(found, error.message, { cause: error });
  }
  onBug(error);
  return new Problem('internal', 'the server failed; its log says why', { cause: error });
}
