/**
 * Caches near the device, asked before the origin for what is named by its digest: whoever put them there,
 * they need nobody's trust. One that lacks the content, cannot be reached or breaks off costs that time. A
 * manifest that is not the one asked for is seen at once; a payload, when it has come and does not match, and
 * then the origin is asked for it (`update.ts`).
 */

import type { Body, Clock, Handler, Request, Response } from '@lapel/transport';
import { isEnvelopeOf } from '@lapel/suit';
import type { Limits } from '@lapel/suit';
import { TransportError, bytesBody, collect, discard } from '@lapel/transport';
import type { Network } from './firmware-consumer/fetch.ts';

export interface NearestOptions {
  readonly network: Network;
  /** Origins of caches, in the order in which they are asked; may change while the device lives. */
  readonly caches: () => readonly string[];
  readonly clock: Clock;
  /** The device's own. */
  readonly limits: Limits;
}

/** More are not asked: each may cost a timeout. */
const cachesMax = 3;
/** How long one that failed is not asked. */
const restMs = 60_000;

export function nearest({ network, caches, clock, limits }: NearestOptions): Network {
  const resting = new Map<string, number>();
  const rest = (cache: string) => {
    if (resting.size > 10 * cachesMax) resting.clear();
    resting.set(cache, clock.monotonicMs() + restMs);
  };
  const isResting = (cache: string) => (resting.get(cache) ?? 0) > clock.monotonicMs();

  /** Undefined where the cache is of no use for this. */
  async function ask(cache: string, request: Request): Promise<Response | undefined> {
    const handler = network(cache, 'origin');
    if (handler === undefined) return undefined;
    try {
      const response = await handler(request);
      if (useful.has(response.status)) {
        const named = /^\/manifests\/(?<digest>.*)$/.exec(request.path)?.groups?.['digest'];
        if (named === undefined) return { ...response, body: watched(response.body, () => rest(cache)) };
        const bytes = await collect(response.body, limits.envelopeBytes);
        if (isEnvelopeOf(bytes, named, limits)) return { ...response, body: bytesBody(bytes) };
        rest(cache);
        return undefined;
      }
      await discard(response.body);
      if (response.status !== 'not-found') rest(cache);
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      rest(cache);
    }
    return undefined;
  }

  return (origin, from = 'nearest') => {
    const direct = network(origin, 'origin');
    if (from === 'origin') return direct;
    const near: Handler = async (request) => {
      const asked = isNamed(request) ? caches().filter((cache) => cache !== origin && !isResting(cache)) : [];
      for (const cache of asked.slice(0, cachesMax)) {
        const response = await ask(cache, request);
        if (response !== undefined) return response;
      }
      if (direct !== undefined) return direct(request);
      throw new TransportError(
        'unreachable',
        'expected a cache that has it, or a way to its origin, found none',
      );
    };
    return direct === undefined && caches().length === 0 ? undefined : near;
  };
}

const useful: ReadonlySet<Response['status']> = new Set(['ok', 'partial', 'valid', 'range-not-satisfiable']);

/** What never changes under its name; everything else is the origin's to say. */
const isNamed = ({ method, path }: Request) =>
  method === 'GET' && /^\/(?:payloads|manifests)\/[0-9a-f]{64}$/.test(path);

/** Tells where it broke off. */
function watched(body: Body, onBroken: () => void): Body {
  async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* body;
    } catch (error) {
      if (error instanceof TransportError) onBroken();
      throw error;
    }
  }
  return Object.assign(chunks(), { destroy: () => discard(body) });
}
