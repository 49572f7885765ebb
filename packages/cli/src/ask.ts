/** One question to a server, and its answer as JSON. */

import type { Request } from '@lapel/transport';
import { TransportError, collect, readProblem } from '@lapel/transport';
import type { ServerAccess } from './server-access.ts';

const answerBytesMax = 64 * 1024 * 1024;

/**
 * @throws {Problem} where the server refuses
 * @throws {TransportError} where it does not answer, or not with JSON
 */
export async function askJson({ handler, token }: ServerAccess, request: Request): Promise<unknown> {
  const headers = { ...request.headers, authorization: `Bearer ${token}` };
  const answer = await handler({ ...request, headers });
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
