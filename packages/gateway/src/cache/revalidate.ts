/**
 * What changes, such as the newest release of a class: kept in memory, and asked for again each time by its
 * ETag (RFC 9111 §4.3), once however many ask at that moment. While nobody upstream answers, the last answer
 * stands in for it (§4.2.4): all of it is sealed, and an old one is no worse than none.
 */
import type { Handler, Request, Response } from '@lapel/transport';
import { TransportError, bytesBody, collect, emptyBody, request } from '@lapel/transport';
import { isPassedOn, trailOf } from '../loop.ts';

export interface Revalidating {
  get(asked: Request): Promise<Response>;
}

interface Kept {
  readonly response: Omit<Response, 'body'>;
  readonly bytes: Uint8Array;
}

/** Together at most 64 MiB: the answers are small, and so is a fleet's number of classes. */
const keptMax = 256;
const bytesMax = 256 * 1024;
/** An answer that says no, or is longer, is not kept. */
const passedBytesMax = 16 * 1024 * 1024;

export function revalidating(upstream: Handler): Revalidating {
  const kept = new Map<string, Kept>();
  const asking = new Map<string, Promise<Kept>>();

  function keep(key: string, answer: Kept): void {
    kept.delete(key);
    if (kept.size >= keptMax) kept.delete(kept.keys().next().value ?? '');
    kept.set(key, answer);
  }

  async function ask(asked: Request, key: string): Promise<Kept> {
    const { path, query } = asked;
    const known = kept.get(key);
    const etag = known?.response.etag;
    const conditional = etag === undefined ? {} : { ifNoneMatch: etag };
    try {
      const response = await upstream(
        request('GET', path, { query, headers: trailOf(asked), ...conditional }),
      );
      if (response.status === 'valid' && known !== undefined) {
        keep(key, known);
        return known;
      }
      const answer = { response, bytes: await collect(response.body, passedBytesMax) };
      if (isPassing(response)) return known ?? answer;
      if (response.status === 'ok' && answer.bytes.length <= bytesMax) keep(key, answer);
      else kept.delete(key);
      return answer;
    } catch (error) {
      if (known === undefined || !(error instanceof TransportError)) throw error;
      return known;
    }
  }

  function once(asked: Request, key: string): Promise<Kept> {
    const current = asking.get(key) ?? ask(asked, key);
    asking.set(key, current);
    const done = () => void asking.delete(key);
    current.then(done, done);
    return current;
  }

  return {
    async get(asked) {
      const key = `${asked.path}?${new URLSearchParams([...asked.query]).toString()}`;
      // Another gateway is not kept waiting for what may be waiting for it.
      const current = isPassedOn(asked) ? ask(asked, key) : once(asked, key);
      const { response, bytes } = await current;
      const { etag } = response;
      if (etag !== undefined && etag === asked.ifNoneMatch && response.status === 'ok') {
        return { ...response, status: 'valid', size: 0, body: emptyBody };
      }
      return { ...response, size: bytes.length, body: bytesBody(bytes) };
    },
  };
}

const isPassing = ({ status }: Response) =>
  status === 'unavailable' || status === 'internal-error' || status === 'too-many-requests';
