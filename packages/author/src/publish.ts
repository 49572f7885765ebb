/**
 * Step 3 of the flow, the author's half: payloads first, named by their digests, then the manifest that
 * needs them. An upload that broke off is just done again: what the firmware server has already is not
 * sent twice.
 */

import type { Body, Handler, Response } from '@lapel/transport';
import { TransportError, bytesBody, collect, discard, readProblem, request } from '@lapel/transport';

export interface Publication {
  readonly envelope: Uint8Array;
  readonly payloads: readonly Payload[];
  /** Proves the author to the firmware server (RFC 6750). */
  readonly token: string;
  readonly signal?: AbortSignal;
}

export interface Payload {
  /** SHA-256 in hex. */
  readonly digest: string;
  readonly sizeBytes: number;
  /** Called once for each attempt to send it. */
  readonly open: () => Body;
}

export interface Published {
  /** Of the manifest, in hex, as the firmware server names it. */
  readonly digest: string;
  /** Digests of the payloads that had to be sent. */
  readonly sent: readonly string[];
}

const answerBytesMax = 256 * 1024;
const envelopeMediaType = 'application/suit-envelope+cose';

/**
 * @param server the firmware server
 * @throws {Problem} where it refuses
 * @throws {TransportError} where it does not answer
 */
export async function publishRelease(server: Handler, publication: Publication): Promise<Published> {
  const { envelope, payloads, token } = publication;
  const signal = publication.signal === undefined ? {} : { signal: publication.signal };
  const authorization = `Bearer ${token}`;
  const sent: string[] = [];
  for (const { digest, sizeBytes, open } of payloads) {
    if (await isThere(server, digest, signal)) continue;
    const headers = {
      authorization,
      'content-type': 'application/octet-stream',
      'content-length': `${sizeBytes}`,
    };
    const answer = await server(request('PUT', `/payloads/${digest}`, { headers, body: open(), ...signal }));
    await discard((await accepted(answer)).body);
    sent.push(digest);
  }
  const headers = { authorization, 'content-type': envelopeMediaType };
  const body = bytesBody(envelope);
  const answer = await accepted(await server(request('POST', '/manifests', { headers, body, ...signal })));
  return { digest: await digestIn(answer), sent };
}

async function isThere(
  server: Handler,
  digest: string,
  signal: { readonly signal?: AbortSignal },
): Promise<boolean> {
  const answer = await server(request('GET', `/payloads/${digest}`, { ifNoneMatch: digest, ...signal }));
  await discard(answer.body);
  return answer.status === 'valid' || answer.status === 'ok';
}

async function accepted(answer: Response): Promise<Response> {
  if (['ok', 'created', 'changed'].includes(answer.status)) return answer;
  throw await readProblem(answer);
}

async function digestIn(answer: Response): Promise<string> {
  const text = new TextDecoder().decode(await collect(answer.body, answerBytesMax));
  const release: unknown = parsed(text);
  const digest =
    typeof release === 'object' && release !== null && 'digest' in release ? release.digest : undefined;
  if (typeof digest === 'string' && /^[0-9a-f]{64}$/.test(digest)) return digest;
  throw new TransportError('malformed', 'expected a release with its digest, found another answer');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
