/** What is wrong with a request of an operator, as Fastify answers it: the same document that devices get. */
import type { FastifyReply } from 'fastify';
import {
  Problem,
  codeOfStatus,
  httpToStatus,
  problemResponse,
  statusToHttp,
  wholeBytes,
} from '@lapel/transport';

export function sendProblem(problem: Problem, reply: FastifyReply): FastifyReply {
  const { status, contentType = '', body } = problemResponse(problem);
  if (status === 'unauthorized') void reply.header('www-authenticate', 'Bearer');
  return reply.code(statusToHttp(status, true)).type(contentType).send(wholeBytes(body));
}

export function asProblem(error: unknown, onBug: (error: unknown) => void): Problem {
  if (error instanceof Problem) return error;
  const code = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  const status = httpToStatus(code);
  // Fastify's own refusals say what is wrong with a request; the rest is ours, and only the log hears of it.
  if (status !== undefined && code >= 400 && code < 500 && error instanceof Error) {
    return new Problem(codeOfStatus(status), error.message, { cause: error });
  }
  onBug(error);
  return new Problem('internal', 'the server failed; its log says why', { cause: error });
}
