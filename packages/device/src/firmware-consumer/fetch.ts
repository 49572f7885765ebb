/**
 * Payload chunks from a URI into a writer: the only part of an installation that waits for a network. A
 * link that fails is tried again where it stopped; how often and how patiently has a limit.
 */

import { SuitError } from '@lapel/suit';
import type { Clock, Handler, Random, Response, Status } from '@lapel/transport';
import { TransportError, collect, request } from '@lapel/transport';

/** The way to an origin such as `https://firmware.example`; undefined where the device has none. */
export type Network = (origin: string) => Handler | undefined;

export interface Fetching {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** What relative references are resolved against: where the manifest came from. */
  readonly base: string;
}

/** What receives the bytes, front to back. */
export interface Sink {
  /** Bytes received so far: where a fetch goes on. */
  readonly offset: number;
  push(chunk: Uint8Array): void;
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
  for (let fruitless = 0; ;) {
    const before = sink.offset;
    try {
      await fetchOnce(uri, sink, sizeBytes, fetching);
      return;
    } catch (error) {
      if (!(error instanceof TransportError) || error.kind === 'refused') throw error;
      fruitless = sink.offset > before ? 0 : fruitless + 1;
      if (fruitless === fruitlessMax) throw error;
    }
    await clock.sleep(backOff(fruitless, random), signal);
  }
}

/** Exponential, with jitter, so that a fleet that lost its server does not come back as one. */
export function backOff(attempt: number, random: Random): number {
  const longest = Math.min(backOffMs.max, backOffMs.first * 2 ** attempt);
  return longest * (0.5 + random.fraction() / 2);
}

/** The envelope at a URI, refused beyond `bytesMax`. @throws {TransportError} */
export async function fetchEnvelope(uri: string, bytesMax: number, fetching: Fetching): Promise<Uint8Array> {
  const { handler, path } = way(uri, fetching);
  const response = await handler(request('GET', path, { signal: fetching.signal }));
  if (response.status !== 'ok') {
    throw new TransportError('no-answer', `expected the manifest ${uri}, found ${response.status}`);
  }
  return collect(response.body, bytesMax);
}

async function fetchOnce(
  uri: string,
  sink: Sink,
  sizeBytes: number | undefined,
  fetching: Fetching,
): Promise<void> {
  if (sizeBytes !== undefined && sink.offset === sizeBytes && sizeBytes > 0) return;
  const { handler, path } = way(uri, fetching);
  const { signal } = fetching;
  const start = sink.offset;
  const wanted = start > 0 ? { signal, range: { start } } : { signal };
  const response = await handler(request('GET', path, wanted));
  requirePayload(uri, response, start);
  for await (const chunk of response.body) {
    if (sizeBytes !== undefined && sink.offset + chunk.length > sizeBytes) {
      throw new SuitError('run', 'operation-failed', `expected ${sizeBytes} bytes at ${uri}, found more`);
    }
    sink.push(chunk);
  }
  if (sizeBytes !== undefined && sink.offset < sizeBytes) {
    throw new TransportError('no-answer', `expected ${sizeBytes} bytes at ${uri}, found ${sink.offset}`);
  }
}

/** Answers that may become better are the network's fault; the others end the update. */
const passing: ReadonlySet<Status> = new Set(['unavailable', 'too-many-requests', 'internal-error']);

function requirePayload(uri: string, { status, range }: Response, start: number): void {
  if (status === 'ok' && start === 0) return;
  if (status === 'partial' && range?.start === start) return;
  if (passing.has(status)) throw new TransportError('no-answer', `the server of ${uri} answered ${status}`);
  throw new SuitError('run', 'operation-failed', `expected the payload ${uri}, found ${status}`);
}

function way(uri: string, { base, network }: Fetching): { readonly handler: Handler; readonly path: string } {
  if (!URL.canParse(uri, base)) {
    throw new SuitError('run', 'operation-failed', `expected a URI, found ${uri.slice(0, 80)}`);
  }
  const url = new URL(uri, base);
  const handler = network(url.origin);
  if (handler !== undefined) return { handler, path: decodeURIComponent(url.pathname) };
  throw new SuitError('run', 'operation-failed', `expected a way to ${url.origin}, found none`);
}
