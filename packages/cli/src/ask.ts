/** One question to a server, and its answer as JSON. */

import type { Method, Request } from '@lapel/transport';
import { TransportError, bytesBody, collect, readProblem, request } from '@lapel/transport';
import type { ServerAccess } from './server-access.ts';

/** @param content of its body; it has none, where it is absent. */
export function jsonRequest(method: Method, path: string, content?: object): Request {
  if (content === undefined) return request(method, path);
  const body = bytesBody(new TextEncoder().encode(JSON.stringify(content)));
  return request(method, path, { headers: { 'content-type': 'application/json' }, body });
}

const answerBytesMax = 64 * 1024 * 1024;

/**
 * @throws {Problem} where the server refuses
 * @throws {TransportError} where it does not answer, or not with JSON
 */
export async function askJson({ handler, token }: ServerAccess, asked: Request): Promise<unknown> {
  const headers = { ...asked.headers, authorization: `Bearer ${token}` };
  const answer = await handler({ ...asked, headers });
  if (!['ok', 'created', 'changed'].includes(answer.status)) throw await readProblem(answer);
  const text = new TextDecoder().decode(await collect(answer.body, answerBytesMax));
  if (text === '') return {};
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new TransportError('malformed', 'expected JSON, found another answer', { cause: error });
  }
}
