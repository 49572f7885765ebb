/**
 * Payload chunks from a URI into a writer: the only part of an installation that waits for a network. A
 * link that fails is tried again where it stopped; how often and how patiently has a limit.
 */

import { shown } from '@lapel/cbor';
import { SuitError } from '@lapel/suit';
import type { Clock, Handler, Random, Response, Status } from '@lapel/transport';
import { TransportError, collect, discard, originOf, request } from '@lapel/transport';
import { Shortage } from '../storage/shortage.ts';

/**
 * The way to an origin such as `https://firmware.example`; undefined where the device has none. It may lead
 * through a cache, but where the origin itself is asked for.
 */
export type Network = (origin: string, from?: 'nearest' | 'origin') => Handler | undefined;

export interface Fetching {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** What relative references are resolved against: where the manifest came from. */
  readonly base: string;
  /** Where the same lies, too: asked once the first place has failed. */
  readonly otherBase?: string | undefined;
  /** After a payload that was not the one asked for, no cache is asked. */
  readonly from?: 'nearest' | 'origin';
}

/** What receives the bytes, front to back. */
export interface Sink {
  /** Bytes received so far: where a fetch goes on. */
  readonly offset: number;
  /** One that has to wait for room makes whoever fetches wait, too. */
  push(chunk: Uint8Array): void | Promise<void>;
}

/** Attempts without a single new byte, after which a fetch is given up. */
const fruitlessMax = 8;
const backOffMs = { first: 200, max: 30_000 } as const;

/**
 * @param sizeBytes what the manifest says of the payload; more is refused as it arrives.
 * @throws {TransportError} where the link stays bad; {SuitError} where the server's answer cannot be the
 * payload.
 */
export async function fetchPayload(
  uri: string,
  sink: Sink,
  sizeBytes: number | undefined,
  fetching: Fetching,
): Promise<void> {
  const { clock, random, signal } = fetching;
  let from = fetching;
  for (let fruitless = 0; ;) {
    const before = sink.offset;
    try {
      await fetchOnce(uri, sink, sizeBytes, from);
      return;
    } catch (error) {
      const next = otherPlace(from, error);
      if (next !== undefined) {
        from = next;
        continue;
      }
      if (!(error instanceof TransportError) || error.kind === 'refused') throw error;
      fruitless = sink.offset > before ? 0 : fruitless + 1;
      if (fruitless === fruitlessMax) throw error;
    }
    await clock.sleep(backOff(fruitless, random), signal);
  }
}

/** The second place, where a first one has failed and there is one. What is here already stays. */
export function otherPlace(from: Fetching, error: unknown): Fetching | undefined {
  if (from.otherBase === undefined) return undefined;
  if (!(error instanceof TransportError || error instanceof SuitError)) return undefined;
  return { ...from, base: from.otherBase, otherBase: undefined };
}

/** At the first place; if that fails, at the other one. */
export async function atEither<T>(first: Fetching, fetch: (from: Fetching) => Promise<T>): Promise<T> {
  try {
    return await fetch(first);
  } catch (error) {
    const other = otherPlace(first, error);
    if (other === undefined) throw error;
    return fetch(other);
  }
}

/** Exponential, with jitter, so that a fleet that lost its server does not come back as one. */
export function backOff(attempt: number, random: Random): number {
  const longest = Math.min(backOffMs.max, backOffMs.first * 2 ** attempt);
  return longest * (0.5 + random.fraction() / 2);
}

/**
 * The envelope at a URI, refused beyond `bytesMax`.
 * @throws {TransportError}; {SuitError} where it is longer, or the URI leads nowhere from here.
 */
export async function fetchEnvelope(uri: string, bytesMax: number, fetching: Fetching): Promise<Uint8Array> {
  const { handler, path, query } = way(uri, fetching);
  const response = await handler(request('GET', path, { query, signal: fetching.signal }));
  if (response.status === 'ok') return collect(response.body, bytesMax, tooLong);
  await discard(response.body);
  const kind = lasting.has(response.status) ? 'refused' : 'no-answer';
  throw new TransportError(kind, `expected the manifest ${shown(uri)}, found ${response.status}`);
}

const tooLong = (message: string) => new Shortage('memory', `envelope: ${message}`, ['parse', 'cbor-parse']);

/** Answers that no second try makes better. */
const lasting: ReadonlySet<Status> = new Set(['bad-request', 'forbidden', 'not-found', 'gone']);

async function fetchOnce(
  uri: string,
  sink: Sink,
  sizeBytes: number | undefined,
  fetching: Fetching,
): Promise<void> {
  if (sizeBytes !== undefined && sink.offset === sizeBytes && sizeBytes > 0) return;
  const { handler, path, query } = way(uri, fetching);
  const { signal } = fetching;
  const start = sink.offset;
  const wanted = start > 0 ? { query, signal, range: { start } } : { query, signal };
  const response = await handler(request('GET', path, wanted));
  try {
    // Only where nobody has said how long the payload is does an end show itself like this.
    if (sizeBytes === undefined && isBehindEnd(response, start)) return;
    let skipped = bytesBefore(uri, response, start);
    for await (const chunk of response.body) {
      const fresh = chunk.subarray(Math.min(skipped, chunk.length));
      skipped -= chunk.length - fresh.length;
      if (sizeBytes !== undefined && sink.offset + fresh.length > sizeBytes) {
        throw new SuitError(
          'run',
          'operation-failed',
          `expected ${sizeBytes} bytes at ${shown(uri)}, found more`,
        );
      }
      await sink.push(fresh);
    }
  } finally {
    await discard(response.body);
  }
  if (sizeBytes !== undefined && sink.offset < sizeBytes) {
    const found = `expected ${sizeBytes} bytes at ${shown(uri)}, found ${sink.offset}`;
    throw new TransportError('no-answer', found);
  }
}

const isBehindEnd = ({ status, range }: Response, start: number) =>
  status === 'range-not-satisfiable' && range?.total === start;

/** Answers that may become better are the network's fault; the others end the update. */
const passing: ReadonlySet<Status> = new Set(['unavailable', 'too-many-requests', 'internal-error']);

/**
 * How many bytes of this answer are here already: a server may answer with the whole where a part was asked
 * for (RFC 9110 §14.2).
 */
function bytesBefore(uri: string, { status, range }: Response, start: number): number {
  if (status === 'ok') return start;
  if (status === 'partial' && range?.start === start) return 0;
  if (passing.has(status)) {
    throw new TransportError('no-answer', `the server of ${shown(uri)} answered ${status}`);
  }
  throw new SuitError('run', 'operation-failed', `expected the payload ${shown(uri)}, found ${status}`);
}

interface Way {
  readonly handler: Handler;
  readonly path: string;
  readonly query: ReadonlyMap<string, string>;
}

function way(uri: string, { base, network, from = 'nearest' }: Fetching): Way {
  const url = URL.canParse(uri, base) ? new URL(uri, base) : undefined;
  const path = url === undefined ? undefined : decoded(url.pathname);
  if (url === undefined || path === undefined) {
    throw new SuitError('run', 'operation-failed', `expected a URI, found ${shown(uri)}`);
  }
  const origin = originOf(url);
  const handler = network(origin, from);
  if (handler !== undefined) return { handler, path, query: new Map(url.searchParams) };
  throw new SuitError('run', 'operation-failed', `expected a way to ${shown(origin)}, found none`);
}

/** Undefined where what is percent-encoded is no UTF-8. */
function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
